"""The model files of a race: found in a folder by name, or made there with random weights."""
import re
import subprocess
from pathlib import Path

# shape, format: the files the table wants. Names: qwen2.5-0.5b-q4_0.gguf.
WANTED = [("0.5b", "q4_0"), ("0.5b", "q8_0"), ("0.5b", "q4_k_m"), ("0.5b", "q5_0"), ("0.5b", "q6_k"), ("0.5b", "bf16"),
          ("1.5b", "q4_0"), ("1.5b", "q8_0"), ("7b", "q4_0"), ("7b", "q8_0")]
KINDS = re.compile(r"(iq4_nl|q[2-8]_k_[sml]|q[2-8]_[k01]|bf16|f16|f32)", re.I)
SHAPES = re.compile(r"(?<![0-9.])([0-9]+(?:\.[0-9]+)?b|135m)(?![a-z0-9])", re.I)


class Model:
    """A file. Its shape and kind are read from its name."""

    def __init__(self, path):
        self.path = Path(path)
        self.name = re.sub(r"\.gguf$", "", self.path.name)
        self.shape, self.kind = (self.first(SHAPES), self.first(KINDS))
        self.random = not re.search("coder|instruct", self.name, re.I)
        self.bytes = self.path.stat().st_size

    def first(self, pattern):
        found = pattern.search(self.name)
        return found.group(1).lower() if found else ""

    @property
    def plain(self):
        """Of random weights in one of the two kinds that every peer is quick at."""
        return self.random and self.kind in ("q4_0", "q8_0")


def in_folder(folder):
    return [Model(path) for path in sorted(folder.glob("*.gguf"))]


class Maker:
    """Makes missing files: `tool SHAPE OUT --tokenizer FILE` writes BF16, the peer's llama-quantize the rest, but for
    the 7B, whose BF16 file is 15 GB: that is written in its blocks, with the vocabulary of a file made before."""

    def __init__(self, folder, tool, tokenizer, python, programs):
        self.folder, self.tool, self.tokenizer = folder, tool, tokenizer
        self.python, self.programs = python, programs

    def make(self, wanted):
        """Shape by shape; the BF16 file goes again where it was not asked for."""
        self.folder.mkdir(parents=True, exist_ok=True)
        missing = [(shape, kind) for shape, kind in wanted if not self.path(shape, kind).exists()]
        for shape in dict.fromkeys(shape for shape, _ in missing if shape != "7b"):
            wide = self.path(shape, "bf16")
            if not wide.exists():
                self.run(wide, [self.python, self.tool, shape, wide, "--tokenizer", self.tokenizer])
            for kind in (kind for each, kind in missing if each == shape and kind != "bf16"):
                to = self.path(shape, kind)
                self.run(to, [self.programs / "llama-quantize", wide, to, kind.upper()])
            if (shape, "bf16") not in wanted:
                wide.unlink()
        for kind in (kind for shape, kind in missing if shape == "7b"):
            to, tool = self.path("7b", kind), Path(__file__).with_name("random_model.py")
            self.run(to, [self.python, tool, self.path("0.5b", "q4_0"), kind, to])

    def path(self, shape, kind):
        return self.folder / f"qwen2.5-{shape}-{kind}.gguf"

    def run(self, target, words):
        """Under a name of its own until it is whole."""
        begun = target.with_suffix(".part")
        words = [str(begun if word is target else word) for word in words]
        done = subprocess.run(words, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(words)}: {(done.stderr or done.stdout).strip().splitlines()[-1]}")
        begun.rename(target)
