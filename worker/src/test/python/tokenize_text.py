"""What the tokenizer of a pipeline makes of each line of a text in transformers: one JSON array of ids per line, all in one array.

    python tokenize_text.py PIPELINE TEXT
"""

import json
import sys

import transformers

folder, text = sys.argv[1:]
with open(f"{folder}/model_index.json", encoding="utf-8") as file:
    class_name = json.load(file)["tokenizer"][1]
tokenizer = getattr(transformers, class_name).from_pretrained(folder, subfolder="tokenizer")
with open(text, encoding="utf-8") as file:
    lines = [line.removesuffix("\n") for line in file]
print(json.dumps([tokenizer(line, padding="max_length", truncation=True).input_ids for line in lines]))
