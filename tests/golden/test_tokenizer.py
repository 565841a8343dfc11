"""`atelier tokenize` and `detokenize` against Hugging Face `tokenizers`: 20,000 seeded strings for each pre-tokenizer,
with the vocabularies of real models, and the golden ids."""
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("ATELIER_BIN", str(ROOT / "build/release/atelier"))
DATA = Path(os.environ.get("ATELIER_TEST_DATA", ROOT.parent / "shared"))
QWEN, SMOLLM = "qwen2.5-coder-0.5b-instruct", "smollm2-135m-instruct"


def model_file(name):
    if not os.access(BINARY, os.X_OK):
        pytest.skip(f"{BINARY} is not built")
    listing = subprocess.run([BINARY, "models", "--json"], capture_output=True, text=True, check=True).stdout
    path = next(entry["path"] for entry in json.loads(listing)["catalogue"] if entry["name"] == name)
    if path is None:
        pytest.skip(f"{name} is not on this machine")
    return path


def check(name, *arguments):
    command = [sys.executable, ROOT / "tools/make_tokenizer_cases.py", "check", model_file(name), "--binary", BINARY]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "pre", "seed"),
    [(QWEN, "qwen2", 1), (SMOLLM, "smollm", 2), (SMOLLM, "gpt2", 3), (QWEN, "llama3", 4)],
)
def test_equals_tokenizers(name, pre, seed):
    own = {QWEN: "qwen2", SMOLLM: "smollm"}[name]
    check(name, "--count", "20000", "--seed", str(seed), *(() if pre == own else ("--pre", pre)))


@pytest.mark.parametrize(
    ("name", "file"),
    [(QWEN, "golden/tokenizer/qwen2.jsonl"), (QWEN, "data/tokenizer/qwen2.inp"),
     (SMOLLM, "golden/tokenizer/smollm2.jsonl")],
)
def test_equals_golden_ids(name, file):
    if not (DATA / file).exists():
        pytest.skip(f"{file} is not beside the checkout")
    check(name, "--golden", str(DATA / file))


def test_a_bad_line_is_named():
    for command, good, bad in (("tokenize", '"a"', '{"a": 1}'), ("detokenize", "[1]", '["a"]')):
        done = subprocess.run([BINARY, command, model_file(SMOLLM)], input=f"{good}\n{bad}\n{good}\n",
                              capture_output=True, text=True)
        assert done.returncode == 1
        assert "line 2" in done.stderr
        assert done.stdout.count("\n") == 1
