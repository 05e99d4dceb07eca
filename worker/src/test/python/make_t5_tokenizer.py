"""Writes a small T5 tokenizer and what transformers' T5Tokenizer makes of many texts with it.

    python make_t5_tokenizer.py src/test/resources/t5-tokenizer      (transformers 5.18.0, tokenizers 0.23.2)

The vocabulary is a unigram model trained here, and a few pieces more. The table of characters stands for SentencePiece's, of the same format and a thousandth of
its size.
"""

import json
import random
import struct
import sys

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import T5Tokenizer

CAPTIONS = [
    f"{article} {color} {shape} {where} {article} {other} {shape2}, {end}"
    for article in ("a", "the", "The")
    for color in ("red", "green", "naïve")
    for shape in ("circle", "square", "日本語")
    for where in ("on", "beside", "don't")
    for other in ("blue", "über-fine")
    for shape2 in ("photo", "café", "👍")
    for end in ("1/2 of 12 !!", "fine...", "ABC xyz")
]
CHARACTERS = {
    "\u00a0": " ", "\u3000": " ", "\u2003": " ", "\u200b": " ", "\ufeff": "", "\u0007": "", "ﬁ": "fi", "½": "1/2", "Ａ": "A", "！": "!",
    "\u212b": "Å", "e\u0301": "é", "…": "...", "①": "1", "ﷺ": "a long one", "\t": " ", "\n": " ", "\r": " ",
}  # fmt: skip
TEXTS = [
    "",
    " ",
    "a red circle",
    "A RED Circle",
    "  a\tred \n\r\n circle\u00a0on\u3000the\u2003square  ",
    "a  b   c\u200b d \ufeff e\u0007f",
    "a red circle on the green square, blue square on a photo of the red circle, and much more of it",
    "don't they're I'll we've he'd it's O'Neil 'tis rock'n'roll",
    "x" * 500,
    "2026-11-23 1234567 ½ ² Ⅷ ٣ ①",
    "!!! ?!... … ！ -- __ $5.00 100% #tag @me a/b\\c",
    "naïve Ünïcödé ÜBER straße İstanbul ΣΑΣ ﬁ ﬀ Ǆ ＡＢＣ",
    "cafe\u0301 café e\u0323\u0302 \u212b \uac00 \u1100\u1161 ﷺ",
    "日本語のキャプション 中文 한국어 العربية עברית हिन्दी ไทย",
    "😀 👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 ❤️ 🇩🇪 1️⃣ 👍👍",
    "zero\u200bwidth \ufeff bom \u00ad soft \u2028line\u2029para \u0085nel \u001cfs",
    "nul\u0000 bell\u0007 del\u007f \u0080",
    "<extra_id_0> red <extra_id_1>circle<extra_id_2> <extra_id_9> <EXTRA_ID_0>",
    "</s> red</s>circle <pad> <unk> < /s>",
    "▁ ▁red red▁circle ▁▁",
    "\U0001d400\U0001d7d8 \U00020000 \U0010fffd",
    "a" * 3 + " red" * 40,
    *("red " * count for count in (6, 14, 15, 16)),
]


def table_of_characters(mapping):
    """SentencePiece's `precompiled_charsmap`: a double array (Aoe 1989) from UTF-8 to offsets into a run of C strings."""
    strings, trie = b"", {}
    for key, value in mapping.items():
        node = trie
        for byte in key.encode():
            node = node.setdefault(byte, {})
        node["value"] = len(strings)
        strings += value.encode() + b"\0"
    units, used, bases = {0: 0}, {0}, set()

    def place(node, position, label):
        slots = [0 if byte == "value" else byte for byte in node]
        base = next(b for b in range(1, 1 << 20) if b not in bases and not used & {b ^ slot for slot in slots})
        bases.add(base)
        used.update(base ^ slot for slot in slots)
        units[position] = (position ^ base) << 10 | ("value" in node) << 8 | label
        for byte, child in node.items():
            if byte == "value":
                units[base] = child | 1 << 31
            else:
                place(child, base ^ byte, byte)

    place(trie, 0, 0)
    size = (max(used) // 256 + 1) * 256  # a look-up goes anywhere in a block of 256
    array = struct.pack(f"<{size}I", *(units.get(i, 0x80000000) for i in range(size)))
    return struct.pack("<I", len(array)) + array + strings


def vocabulary(table):
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Precompiled(table)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    special = ["<pad>", "</s>", "<unk>"]
    tokenizer.train_from_iterator(
        CAPTIONS, trainers.UnigramTrainer(vocab_size=150, special_tokens=special, unk_token="<unk>", show_progress=False)
    )
    pieces = {piece: score for piece, score in json.loads(tokenizer.to_str())["model"]["vocab"]}
    # So few captions give hardly more than letters; words and their parts make the most likely split worth a search.
    draw = random.Random(3)
    for word in sorted(set(" ".join(CAPTIONS).split())):
        for part in ("▁" + word, "▁" + word[:2], word[:3], word[1:4], word[-3:]):
            if part:
                pieces.setdefault(part, -draw.uniform(4, 12))
    return list(pieces.items())


def random_texts(count):
    draw = random.Random(7)
    ranges = [(0x20, 0x7F), (0xA0, 0x250), (0x300, 0x370), (0x370, 0x600), (0x1F300, 0x1F700), (0x2000, 0x2070), (0, 0x20)]
    words = " ".join(CAPTIONS).split() + list(CHARACTERS)
    for _ in range(count):
        yield "".join(
            chr(draw.randrange(*draw.choice(ranges))) if draw.random() < 0.6 else draw.choice(words) + draw.choice(["", " "])
            for _ in range(draw.randrange(1, 12))
        )


def main(folder):
    table = table_of_characters(CHARACTERS)
    T5Tokenizer(
        vocab=vocabulary(table), extra_ids=5, model_max_length=16, _spm_precompiled_charsmap=table
    ).save_pretrained(folder)
    texts = TEXTS + list(random_texts(300))
    ids = {}
    for length in (16, 2, 40):
        tokenizer = T5Tokenizer.from_pretrained(folder, model_max_length=length)
        ids[length] = [tokenizer(text, padding="max_length", truncation=True).input_ids for text in texts]
    with open(f"{folder}-goldens.json", "w") as out:
        json.dump({"texts": texts, "ids": ids}, out)
        out.write("\n")


if __name__ == "__main__":
    main(sys.argv[1])
