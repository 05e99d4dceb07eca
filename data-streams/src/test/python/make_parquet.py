"""Writes tables/huggingface.parquet of the test resources: make_parquet.py IMAGES OUT (pyarrow 25.0.1). Row i shows images[i % 3]."""

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

images = [(Path(sys.argv[1]) / name).read_bytes() for name in ("pixel.png", "rgb.png", "rgb.jpg")]
out = Path(sys.argv[2])
ROWS = 23


def image(i):
    return images[i % 3]


def huggingface():
    """As Hugging Face's datasets write images: a struct of bytes and path; bytes are null where the path counts."""
    rows = range(ROWS)
    embedded = [None if i == 5 else {"bytes": None if i in (2, 3) else image(i), "path": "rgb.png" if i != 3 else None} for i in rows]
    return pa.table(
        {
            "image": pa.array(embedded, pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
            "text": pa.array([[f"caption {i}", None, f"other {i}"] if i != 1 else [] for i in rows], pa.list_(pa.string())),
            "label": pa.array([i % 3 for i in rows], pa.int64()),
            "uid": pa.array([f"key-{i}" for i in rows]),
        }
    )


# Tiny pages, between which pyarrow writes empty ones among lists.
pq.write_table(huggingface(), out / "huggingface.parquet", row_group_size=7, data_page_size=1, write_batch_size=2)
