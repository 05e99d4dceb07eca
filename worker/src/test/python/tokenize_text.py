"""What transformers' CLIPTokenizer makes of each line of a text: one JSON array of ids per line, all in one array.

    python tokenize_text.py PIPELINE TEXT
"""

import json
import sys

from transformers import CLIPTokenizer

folder, text = sys.argv[1:]
tokenizer = CLIPTokenizer.from_pretrained(folder, subfolder="tokenizer")
with open(text, encoding="utf-8") as file:
    lines = [line.removesuffix("\n") for line in file]
print(json.dumps([tokenizer(line, padding="max_length", truncation=True).input_ids for line in lines]))
