"""Rekindle's data plane beside the original's, on the same shards, in one run: prints the table of data-streams/README.md.

python make_bench_shards.py SHARDS
PYTHONPATH=WEBDATASET/src python compare_bench.py SHARDS          from the root of the repository, nothing else running
"""
import json, os, pathlib, subprocess, sys, tempfile

SHARDS = pathlib.Path(sys.argv[1]).resolve()
HERE = pathlib.Path(__file__).parent
ROUNDS = 2
# name, shards, filter, examples for Rekindle (a JVM warms up) and for Python
SETTINGS = [("jpg", "jpg", None, 4000, 800), ("png", "png", None, 1200, 200), ("webp", "webp", None, 1600, 200),
            ("jpg, 1 % pass the filter", "many", "<=0.01", 2000, 160)]


def last_line(command, **environment):
    run = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | environment)
    return json.loads(run.stdout.strip().splitlines()[-1])


def rekindle(shards, expression, examples, workers, cores):
    arguments = [f"dataset.params.path={SHARDS}/{shards}-{{0..1}}.tar", f"dataset.params.workers={workers}",
                 f"dataset.params.num_examples_to_see={examples}"]
    if expression:
        arguments.append(f'dataset.params.filters={{score: "{expression}"}}')
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as config:
        config.write("dataset: {params: {path: x, batch_size: 16, resolution: 512}}")
        config.flush()
        return last_line(["taskset", "-c", cores, "./rekindle", "bench", "data", f"config={config.name}", *arguments],
                         REKINDLE_JAVA_OPTS="-Xmx4g")


def python(shards, expression, examples):
    arguments = [f"{SHARDS}/{shards}-{{0..1}}.tar", "--examples", str(examples)]
    if expression:
        arguments += ["--filter", f"score={expression}", "--shuffle", "100"]
    return last_line([sys.executable, str(HERE / "bench_webdataset.py"), *arguments], OMP_NUM_THREADS="1")


def rate(runs, per):
    return sum(run["images"] for run in runs) / sum(per(run) for run in runs)


print("| shards | Python, images per CPU-second | Rekindle | ratio | Python, images/s, 1 process | Rekindle, 1 core | 2 cores | scaling |")
print("| --- | --- | --- | --- | --- | --- | --- | --- |")
for name, shards, expression, ours, theirs in SETTINGS:
    one, two, other = [], [], []
    for _ in range(ROUNDS):
        one.append(rekindle(shards, expression, ours, 1, "0"))
        other.append(python(shards, expression, theirs))
        two.append(rekindle(shards, expression, ours, 2, "0,1"))
    cpu = [rate(other, lambda r: r["cpu_seconds"]), rate(one + two, lambda r: r["cpu_seconds"])]
    wall = [rate(other, lambda r: r["seconds"])] + [rate(runs, lambda r: r["images"] / r["images_per_s"]) for runs in (one, two)]
    print(f"| {name} | {cpu[0]:.0f} | {cpu[1]:.0f} | {cpu[1] / cpu[0]:.2f} | {wall[0]:.0f} | {wall[1]:.0f} | {wall[2]:.0f} | "
          f"{wall[2] / wall[1]:.2f} |", flush=True)
print("Pillow", other[0]["pillow"], "webdataset", other[0]["webdataset"])
