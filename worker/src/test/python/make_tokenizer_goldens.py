"""Writes a small CLIP vocabulary and what transformers' CLIPTokenizer makes of many texts with it.

usage: python make_tokenizer_goldens.py src/test/resources/clip-tokenizer      (transformers 5.18.0)
"""

import json
import os
import random
import sys

from transformers import CLIPTokenizer

WORDS = "a red green blue circle square the on photo of don 's ' t ' re 12 !! naïve Ünï 日本 über ... cafe\u0301".split()
TEXTS = [
    "",
    " ",
    "a red circle",
    "A RED Circle",
    "  a\tred \n\r\n circle\u00a0on\u3000the\u2003square  ",
    "a red circle on the green square, blue square on a photo of the red circle, and much more of it",
    "don't they're I'll we've he'd it's O'Neil 'tis rock'n'roll",
    "x" * 500,
    "2026-11-23 1234567 ½ ² Ⅷ ٣",
    "!!! ?!... -- __ $5.00 100% #tag @me a/b\\c",
    "naïve Ünïcödé ÜBER straße İstanbul ΣΑΣ ﬁ ﬀ Ǆ",
    "cafe\u0301 café e\u0323\u0302 \u212b \uac00 \u1100\u1161",
    "日本語のキャプション 中文 한국어 العربية עברית हिन्दी ไทย",
    "😀 👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 ❤️ 🇩🇪 1️⃣",
    "zero\u200bwidth \ufeff bom \u00ad soft \u2028line\u2029para \u0085nel \u001cfs",
    "nul\u0000 bell\u0007 del\u007f \u0080",
    "<|startoftext|> <|endoftext|>red<|endoftext|> <|STARTOFTEXT|> <|other|>",
    "</w> red</w>",
    "\U0001d400\U0001d7d8 \U00020000 \U0010fffd",
    "a" * 3 + " red" * 40,
    "red " * 6,
    "red " * 14,
    "red " * 15,
]


def byte_characters():
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [b for b in range(256) if b not in printable]
    return {**{b: chr(b) for b in printable}, **{b: chr(256 + i) for i, b in enumerate(others)}}


def vocabulary():
    characters = byte_characters()
    alphabet = sorted(characters.values())
    tokens = alphabet + [c + "</w>" for c in alphabet]
    merges = []
    for word in WORDS:
        symbols = [characters[b] for b in word.lower().encode()]
        symbols[-1] += "</w>"
        while len(symbols) > 1:
            symbols[:2] = ["".join(symbols[:2])]
            if symbols[0] not in tokens:
                tokens.append(symbols[0])
        symbols = [characters[b] for b in word.lower().encode()]
        symbols[-1] += "</w>"
        left = symbols[0]
        for right in symbols[1:]:
            if (left, right) not in merges:
                merges.append((left, right))
            left += right
    return tokens + ["<|startoftext|>", "<|endoftext|>"], merges


def random_texts(count):
    draw = random.Random(7)
    ranges = [(0x20, 0x7F), (0xA0, 0x250), (0x300, 0x370), (0x370, 0x600), (0x1F300, 0x1F700), (0x2000, 0x2070), (0, 0x20)]
    for _ in range(count):
        text = ""
        for _ in range(draw.randrange(1, 12)):
            text += chr(draw.randrange(*draw.choice(ranges))) if draw.random() < 0.7 else draw.choice(WORDS + [" "])
        yield text


def main(folder):
    os.makedirs(folder, exist_ok=True)
    tokens, merges = vocabulary()
    with open(f"{folder}/vocab.json", "w") as out:
        json.dump({token: i for i, token in enumerate(tokens)}, out)
    with open(f"{folder}/merges.txt", "w") as out:
        out.write("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    texts = TEXTS + list(random_texts(300))
    goldens = []
    # The second is Stable Diffusion 2's padding, which turns "!" into a special token.
    # In the third it is the map's, which is not read for the fourth: as in Stable Diffusion 2's files, and in newer ones.
    special = {"eos_token": {"content": "<|endoftext|>", "lstrip": False, "rstrip": False}, "pad_token": "!"}
    newer = {str(len(tokens) - 2 + i): {"content": t, "special": True} for i, t in enumerate(tokens[-2:])}
    for length, pad, special_map, decoder in [
        (2, "<|endoftext|>", None, None),
        (77, "!", None, None),
        (12, "<|endoftext|>", special, None),
        (12, "<|endoftext|>", special, newer),
        (16, "<|endoftext|>", None, None),
    ]:
        config = {
            "bos_token": "<|startoftext|>",
            "eos_token": "<|endoftext|>",
            "unk_token": "<|endoftext|>",
            "pad_token": pad,
            "model_max_length": length,
            "tokenizer_class": "CLIPTokenizer",
        }
        if decoder:
            config["added_tokens_decoder"] = decoder
        with open(f"{folder}/tokenizer_config.json", "w") as out:
            json.dump(config, out, indent=2)
        map_file = f"{folder}/special_tokens_map.json"
        if special_map:
            with open(map_file, "w") as out:
                json.dump(special_map, out)
        elif os.path.exists(map_file):
            os.remove(map_file)
        tokenizer = CLIPTokenizer.from_pretrained(folder)
        ids = [tokenizer(t, padding="max_length", truncation=True).input_ids for t in texts]
        goldens.append({"tokenizer_config": config, "special_tokens_map": special_map, "ids": ids})
    with open(f"{folder}-goldens.json", "w") as out:
        json.dump({"texts": texts, "goldens": goldens}, out)
        out.write("\n")


main(sys.argv[1])
