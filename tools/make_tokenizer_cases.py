#!/usr/bin/env python3
"""Proves atelier's tokenizer equal to Hugging Face `tokenizers` (PyPI) on seeded hostile strings.

    make_tokenizer_cases.py check MODEL.gguf --count 10000 --seed 1     # through `atelier tokenize` and `detokenize`
    make_tokenizer_cases.py check MODEL.gguf --pre llama3               # the same vocabulary under another pattern
    make_tokenizer_cases.py check MODEL.gguf --golden qwen2.jsonl       # lines {"text", "ids"[, "decoded"]}, or
                                                                        # llama.cpp's .inp with its .out, instead
    make_tokenizer_cases.py write MODEL --count 400 --out cases.jsonl   # cases for the unit tests
    make_tokenizer_cases.py words MODEL --count 400 --out words.jsonl   # how each pre-tokenizer cuts them
    make_tokenizer_cases.py save MODEL.gguf --out tokenizer.json        # the vocabulary as `tokenizers` writes it

The reference is built from the model file itself: the vocabulary, merges and special tokens of a GGUF's metadata,
and the pattern its pre-tokenizer's name stands for. Exit 1 where anything differs.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import gguf_metadata  # noqa: E402
import tokenizer_strings  # noqa: E402
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers  # noqa: E402

QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
    r"\s+(?!\S)|\s+"
)
LLAMA3 = QWEN2.replace(r"|\p{N}|", r"|\p{N}{1,3}|")
GGUF_NAMES = {"qwen2": "qwen2", "smollm": "smollm", "gpt-2": "gpt2", "llama-bpe": "llama3"}
CONTROL, USER_DEFINED, UNUSED = 3, 4, 5  # GGUF token types
SHOWN_MISMATCHES = 10


def main():
    options = parse_arguments()
    if options.action == "check":
        sys.exit(check(options))
    reference = open_reference(options.model, options.pre)
    actions = {"save": lambda: reference.save(options.out), "write": lambda: write_cases(reference, options),
               "words": lambda: write_words(reference, options)}
    actions[options.action]()


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("action", choices=["check", "write", "words", "save"])
    parser.add_argument("model", help="a .gguf file, or a tokenizer.json (write, words)")
    parser.add_argument("--count", type=int, default=10000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pre", choices=sorted(GGUF_NAMES.values()), help="instead of the file's own pre-tokenizer")
    parser.add_argument("--longest", type=int, default=1 << 30, help="leave out strings of more bytes than this")
    parser.add_argument("--golden", help="compare with this file's ids, not with the package")
    parser.add_argument("--binary", default="build/release/atelier")
    parser.add_argument("--out", help="where write and save put what they make")
    options = parser.parse_args()
    if options.action != "check" and not options.out:
        parser.error(f"{options.action} needs --out")
    return options


def check(options):
    """Compares ids with special tokens parsed, ids with them as text, and the text of the ids."""
    with tempfile.TemporaryDirectory() as folder:
        model = options.model
        if options.pre:
            name = next(gguf for gguf, ours in GGUF_NAMES.items() if ours == options.pre)
            model = f"{folder}/model.gguf"
            gguf_metadata.copy_with_string(options.model, model, "tokenizer.ggml.pre", name)
        atelier = Atelier(options.binary, model)
        if options.golden:
            return check_golden(atelier, options.golden)
        return check_strings(atelier, open_reference(options.model, options.pre), options)


def check_golden(atelier, path):
    cases = golden_cases(path)
    texts = [case["text"] for case in cases]
    got = atelier.tokenize([text.encode() for text in texts], "--special")
    mismatches = report("ids", texts, [case["ids"] for case in cases], got)
    decoded = [case.get("decoded", case["text"]) for case in cases]
    mismatches += report("text", texts, decoded, atelier.detokenize([case["ids"] for case in cases]))
    return conclude(mismatches, len(cases), path)


def golden_cases(path):
    if not path.endswith(".inp"):
        return [json.loads(line) for line in open(path, encoding="utf-8")]
    texts = pathlib.Path(path).read_bytes().decode().split("\n__ggml_vocab_test__\n")
    lines = pathlib.Path(path).with_suffix(".out").read_text().splitlines()
    return [{"text": text, "ids": [int(i) for i in line.split()]} for text, line in zip(texts, lines)]


def check_strings(atelier, reference, options):
    strings = generate(reference, options)
    texts = [raw.decode("utf-8", "replace") for raw in strings]
    mismatches, ids = 0, []
    for as_text, flags in ((True, []), (False, ["--special"])):
        reference.encode_special_tokens = as_text
        ids = [reference.encode(text, add_special_tokens=False).ids for text in texts]
        mismatches += report(f"ids {flags}", strings, ids, atelier.tokenize(strings, *flags))
    decoded = [reference.decode(one, skip_special_tokens=False) for one in ids]
    mismatches += report("text", strings, decoded, atelier.detokenize(ids))
    return conclude(mismatches, len(strings), f"seed {options.seed}")


def report(what, inputs, expected, got):
    wrong = [i for i, (want, have) in enumerate(zip(expected, got, strict=True)) if want != have]
    for i in wrong[:SHOWN_MISMATCHES]:
        print(f"{what} of string {i} differ: {inputs[i][:200]!r}")
        print(f"  tokenizers {str(expected[i])[:300]}\n  atelier    {str(got[i])[:300]}")
    return len(wrong)


def conclude(mismatches, count, source):
    print(f"{count} strings ({source}): {mismatches} mismatches")
    return 1 if mismatches else 0


class Atelier:
    """The program under test, one run for a whole list."""

    def __init__(self, binary, model):
        self.binary, self.model = binary, model

    def tokenize(self, strings, *flags):
        return self.run("tokenize", b"".join(json_line(raw) for raw in strings), flags)

    def detokenize(self, ids):
        return self.run("detokenize", "".join(json.dumps(one) + "\n" for one in ids).encode(), ())

    def run(self, command, lines, flags):
        done = subprocess.run([self.binary, command, self.model, *flags], input=lines, stdout=subprocess.PIPE)
        if done.returncode != 0:
            sys.exit(f"{self.binary} {command} ended with {done.returncode}")
        return [json.loads(line) for line in done.stdout.decode().split("\n")[:-1]]


def json_line(raw):
    """`raw` bytes, valid UTF-8 or not, as a JSON string that holds them as they are."""
    out = bytearray(b'"')
    for byte in raw:
        out += b"\\u%04x" % byte if byte < 0x20 or byte in b'"\\' else bytes([byte])
    return bytes(out) + b'"\n'


def open_reference(path, pre):
    if path.endswith(".gguf"):
        metadata = gguf_metadata.read(path)
        reference = reference_of(metadata)
        pre = pre or GGUF_NAMES[metadata["tokenizer.ggml.pre"]]
    else:
        reference = Tokenizer.from_file(path)
    if pre:
        reference.pre_tokenizer = pre_tokenizer(pre)
        reference.normalizer = normalizers.NFC() if pre == "qwen2" else normalizers.Sequence([])
        reference.model.ignore_merges = pre == "llama3"
    return reference


def reference_of(metadata):
    tokens, types = metadata["tokenizer.ggml.tokens"], metadata["tokenizer.ggml.token_type"]
    vocabulary = {token: i for i, (token, kind) in enumerate(zip(tokens, types)) if kind != UNUSED}
    merges = [tuple(merge.split(" ")) for merge in metadata["tokenizer.ggml.merges"]]
    reference = Tokenizer(models.BPE(vocabulary, merges))
    reference.decoder = decoders.ByteLevel()
    for wanted, add in ((CONTROL, reference.add_special_tokens), (USER_DEFINED, reference.add_tokens)):
        special = wanted == CONTROL
        chosen = [token for token, kind in zip(tokens, types) if kind == wanted]
        add([AddedToken(token, special=special, normalized=False) for token in chosen])
    return reference


def pre_tokenizer(name):
    if name == "gpt2":
        return pre_tokenizers.ByteLevel(add_prefix_space=False)
    if name == "smollm":
        digits = pre_tokenizers.Digits(individual_digits=True)
        return pre_tokenizers.Sequence([digits, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    split = pre_tokenizers.Split(Regex(QWEN2 if name == "qwen2" else LLAMA3), "isolated")
    return pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def generate(reference, options):
    specials = [token.content for token in reference.get_added_tokens_decoder().values()]
    pieces = [reference.decode([i]) for i in range(reference.get_vocab_size(with_added_tokens=False))]
    made = tokenizer_strings.make(options.count, options.seed, specials, [piece for piece in pieces if piece])
    return [raw for raw in made if len(raw) <= options.longest]


def write_cases(reference, options):
    """One JSON object a line: `bytes` (hex, where they are not UTF-8) or `text`; `ids` with special tokens parsed,
    `ids_as_text` where those with special tokens as text differ; `decoded` where the ids' text differs from it."""
    with open(options.out, "w", encoding="utf-8") as out:
        for raw in generate(reference, options):
            text = raw.decode("utf-8", "replace")
            case = {"text": text} if text.encode() == raw else {"bytes": raw.hex()}
            for key, as_text in (("ids", False), ("ids_as_text", True)):
                reference.encode_special_tokens = as_text
                case[key] = reference.encode(text, add_special_tokens=False).ids
            if case["ids_as_text"] == case["ids"]:
                del case["ids_as_text"]
            decoded = reference.decode(case["ids"], skip_special_tokens=False)
            if decoded.encode() != raw:
                case["decoded"] = decoded
            out.write(json.dumps(case, ensure_ascii=False, separators=(",", ":")) + "\n")


def write_words(reference, options):
    """One JSON object a line: `text`, and under each pre-tokenizer's name the bytes of its words in order."""
    splitters = {name: pre_tokenizer(name) for name in sorted(GGUF_NAMES.values())}
    with open(options.out, "w", encoding="utf-8") as out:
        for text in (raw.decode("utf-8", "replace") for raw in generate(reference, options)):
            case = {"text": text}
            for name, splitter in splitters.items():  # byte-level words: a character is a byte
                case[name] = [len(word) for word, _ in splitter.pre_tokenize_str(text)]
            out.write(json.dumps(case, ensure_ascii=False, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
