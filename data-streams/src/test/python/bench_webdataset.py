"""The original's input pipeline (open-diffusion data/dataset.py, its semantics): tars through webdataset, shuffle(2000), metadata filter
by eval, PIL decoding, centre crop, bicubic resize, float32 in [-1, 1], batches. One process. The last line is JSON.

PYTHONPATH=WEBDATASET python bench_webdataset.py 'x-{0..1}.tar' --examples 400 [--filter 'score=<=0.01']
"""
import argparse, json, logging, resource, time
import numpy as np
import PIL
import webdataset as wds
from PIL import Image

parser = argparse.ArgumentParser()
parser.add_argument("path")
parser.add_argument("--examples", type=int, required=True)
parser.add_argument("--resolution", type=int, default=512)
parser.add_argument("--batch-size", type=int, default=16)
parser.add_argument("--filter")
parser.add_argument("--shuffle", type=int, default=2000)
options = parser.parse_args()


def has_parts(sample):
    return any(suffix in sample for suffix in ("jpg", "png", "jpeg", "webp")) and "txt" in sample


def passes(sample):
    if not options.filter:
        return True
    key, expression = options.filter.split("=", 1)
    values = json.loads(sample["json"])
    return key in values and eval(f"{values[key]}{expression}")


def transform(image):
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    image = image.crop((left, top, left + side, top + side))
    image = image.resize((options.resolution, options.resolution), Image.Resampling.BICUBIC)
    return (np.asarray(image, np.uint8) / 127.5 - 1.0).astype(np.float32).transpose(2, 0, 1)


pipeline = wds.DataPipeline(
    wds.ResampledShards(options.path),
    wds.tarfile_to_samples(),
    wds.shuffle(options.shuffle, initial=options.shuffle),
    wds.select(has_parts),
    wds.select(passes),
    wds.decode("pilrgb"),
    wds.rename(pixel_values="jpg;png;jpeg;webp", input_ids="txt"),
    wds.map_dict(pixel_values=transform),
    wds.to_tuple("pixel_values", "input_ids"),
    wds.batched(options.batch_size),
)


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


start, cpu_start, seen = time.time(), cpu(), 0
for pixels, captions in pipeline:
    np.ascontiguousarray(pixels)
    seen += len(captions)
    if seen >= options.examples:
        break
seconds, cpu_seconds = time.time() - start, cpu() - cpu_start
print(json.dumps({"images": seen, "seconds": seconds, "cpu_seconds": cpu_seconds, "images_per_cpu_s": seen / cpu_seconds,
                  "pillow": PIL.__version__, "webdataset": wds.__version__}))
