"""Writes the images of src/test/resources/images: python make_images.py FOLDER (needs Pillow and NumPy)."""

import pathlib
import sys

import numpy
from PIL import Image

out = pathlib.Path(sys.argv[1])
orange = (230, 120, 40)

Image.new("RGB", (48, 32), orange).save(out / "rgb.jpg", quality=95)
Image.new("RGB", (48, 32), orange).convert("CMYK").save(out / "cmyk.jpg", quality=95)
Image.new("RGB", (48, 32), orange).save(out / "rgb.png")
Image.new("RGB", (48, 32), orange).save(out / "lossless.webp", lossless=True)
Image.new("RGB", (48, 32), orange).save(out / "lossy.webp", quality=95)
Image.new("RGBA", (48, 32), orange + (128,)).save(out / "alpha.png")
Image.new("RGBA", (48, 32), orange + (128,)).save(out / "alpha.webp", lossless=True)
Image.new("L", (48, 32), 77).save(out / "grey.jpg", quality=95)
Image.new("L", (48, 32), 77).save(out / "grey.png")
Image.new("LA", (48, 32), (77, 128)).save(out / "grey_alpha.png")
Image.fromarray(numpy.full((32, 48), 77 * 257, numpy.uint16)).save(out / "grey16.png")
Image.new("RGB", (1, 1), orange).save(out / "pixel.png")

palette = Image.new("P", (48, 32), 1)
palette.putpalette([0, 0, 0, *orange])
palette.save(out / "palette.png")
palette.save(out / "palette_transparent.png", transparency=bytes([255, 128]))

exif = Image.Exif()
exif[0x0112] = 6  # orientation: turned by 90 degrees
left = numpy.zeros((32, 32, 3), numpy.uint8)
left[:, :16] = orange
Image.fromarray(left).save(out / "turned.jpg", quality=95, exif=exif)

ramp = numpy.stack(numpy.meshgrid(numpy.arange(64) * 4, numpy.arange(64) * 4), -1).astype(numpy.uint8)
ramp = numpy.concatenate([ramp, numpy.full((64, 64, 1), 128, numpy.uint8)], -1)
Image.fromarray(ramp).save(out / "ramp.jpg", quality=95)
Image.fromarray(ramp).save(out / "ramp_progressive.jpg", quality=95, progressive=True)
