"""Writes the shards of the data benchmark: photographs that nobody took (1/f noise), as jpg, png and webp, 512 to 1024 px a side.

python make_bench_shards.py OUT      needs numpy and Pillow; about 700 MB
"""
import io, json, sys, tarfile
import numpy as np
from PIL import Image

OUT = sys.argv[1]
rng = np.random.default_rng(4)


def photograph():
    height, width = rng.integers(512, 1025, 2)
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :])
    frequency[0, 0] = 1
    planes = []
    for _ in range(3):
        phase = rng.normal(size=frequency.shape) + 1j * rng.normal(size=frequency.shape)
        plane = np.fft.irfft2(phase / frequency ** 1.2, s=(height, width))
        planes.append(128 + 45 * plane / plane.std())
    return Image.fromarray(np.clip(np.stack(planes, -1), 0, 255).astype(np.uint8))


def encoded(image, kind):
    out = io.BytesIO()
    quality = int(rng.integers(85, 96))
    image.save(out, {"jpg": "JPEG", "png": "PNG", "webp": "WEBP"}[kind], **({} if kind == "png" else {"quality": quality}))
    return out.getvalue()


def member(tar, name, data):
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def shard(path, images, kind, copies=1):
    with tarfile.open(path, "w") as tar:
        for i in range(len(images) * copies):
            member(tar, f"{i:06d}.{kind}", images[i % len(images)])
            member(tar, f"{i:06d}.json", json.dumps({"score": float(rng.random()), "width": 700, "url": "https://host/p"}).encode())
            member(tar, f"{i:06d}.txt", f"photograph number {i} of somewhere".encode())


for kind, count in (("jpg", 400), ("png", 120), ("webp", 200)):
    images = [encoded(photograph(), kind) for _ in range(count)]
    print(kind, "mean bytes", sum(map(len, images)) // count)
    shard(f"{OUT}/{kind}-0.tar", images[: count // 2], kind)
    shard(f"{OUT}/{kind}-1.tar", images[count // 2 :], kind)
    if kind == "jpg":
        shard(f"{OUT}/many-0.tar", images[:200], kind, 10)
        shard(f"{OUT}/many-1.tar", images[200:], kind, 10)
