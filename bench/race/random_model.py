#!/usr/bin/env python3
"""Writes a GGUF of random weights at the shape of Qwen2.5-7B straight in its blocks: no 15 GB of floats in between.

    python3 bench/race/random_model.py LIKE.gguf {q4_0,q8_0} OUT.gguf

Vocabulary and template are LIKE's. Weights spread like normal(0, 0.02): the scales are one number, the integers
are random.
"""
import argparse
import struct
import sys
from pathlib import Path

import numpy

sys.path.append(str(Path(__file__).resolve().parents[2] / "tools"))
import gguf_metadata  # noqa: E402

LAYERS, HIDDEN, FFN, HEADS, KV_HEADS, VOCABULARY = 28, 3584, 18944, 28, 4, 152064
F32, KINDS = 0, {"q4_0": (2, 18, 2), "q8_0": (8, 34, 7)}  # tensor type, bytes of 32 values, general.file_type
SCALE = {"q4_0": 0.02 / 4.6, "q8_0": 0.02 / 74}  # the standard deviation of the integers
ALIGNMENT = 32
UNUSED = 5  # tokenizer.ggml.token_type


def padded(key, value, vocabulary):
    """An array of the vocabulary, with tokens nobody uses to fill it."""
    inner, count = struct.unpack_from("<IQ", value)
    if key not in ("tokenizer.ggml.tokens", "tokenizer.ggml.token_type") or count >= vocabulary:
        return value
    names = (f"[PAD{i}]".encode() for i in range(count, vocabulary))
    more = (struct.pack("<Q", len(name)) + name if inner == gguf_metadata.STRING else struct.pack("<i", UNUSED) for name in names)
    return struct.pack("<IQ", inner, vocabulary) + value[12:] + b"".join(more)


def metadata(path, vocabulary, changes):
    """The key-value section of a file with some numbers changed: (how many, bytes)."""
    out, count, done = bytearray(), 0, 24  # after magic, version and the two counts
    with open(path, "rb") as file:
        places = [(key, isinstance(held, list), before, after) for key, held, before, after in
                  gguf_metadata.entries(file)]
        for key, is_array, before, after in places:
            file.seek(done)
            out += file.read(before - done)
            old = file.read(after - before)
            new = padded(key, old, vocabulary) if is_array else old
            out += struct.pack("<I", changes[key]) if key in changes else new
            count, done = count + 1, after
    return count, bytes(out)


def tensors(kind):
    """(name, extents from the innermost, type)"""
    kv, weight = HIDDEN // HEADS * KV_HEADS, KINDS[kind][0]
    yield "token_embd.weight", (HIDDEN, VOCABULARY), weight
    for i in range(LAYERS):
        for name, rows in (("attn_q", HIDDEN), ("attn_k", kv), ("attn_v", kv)):
            yield f"blk.{i}.{name}.weight", (HIDDEN, rows), weight
            yield f"blk.{i}.{name}.bias", (rows,), F32
        yield f"blk.{i}.attn_output.weight", (HIDDEN, HIDDEN), weight
        yield f"blk.{i}.ffn_gate.weight", (HIDDEN, FFN), weight
        yield f"blk.{i}.ffn_up.weight", (HIDDEN, FFN), weight
        yield f"blk.{i}.ffn_down.weight", (FFN, HIDDEN), weight
        yield f"blk.{i}.attn_norm.weight", (HIDDEN,), F32
        yield f"blk.{i}.ffn_norm.weight", (HIDDEN,), F32
    yield "output_norm.weight", (HIDDEN,), F32
    yield "output.weight", (HIDDEN, VOCABULARY), weight


def byte_count(extents, kind, of):
    values = int(numpy.prod(extents))
    return values * 4 if of == F32 else values // 32 * KINDS[kind][1]


def write_values(file, name, extents, kind, of, random):
    values = int(numpy.prod(extents))
    if of == F32:
        norm = name.endswith("norm.weight")
        file.write((numpy.ones(values) if norm else random.normal(0, 0.02, values)).astype("<f4").tobytes())
        return
    size = KINDS[kind][1]
    scale = numpy.frombuffer(numpy.float16(SCALE[kind]).tobytes(), "u1")
    for done in range(0, values // 32, 1 << 20):
        blocks = random.integers(0, 256, (min(1 << 20, values // 32 - done), size), dtype="u1")
        blocks[:, :2] = scale
        file.write(blocks.tobytes())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("like")
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("out")
    args = parser.parse_args()
    count, keys = metadata(args.like, VOCABULARY, {
        "general.file_type": KINDS[args.kind][2], "qwen2.block_count": LAYERS, "qwen2.embedding_length": HIDDEN,
        "qwen2.feed_forward_length": FFN, "qwen2.attention.head_count": HEADS,
        "qwen2.attention.head_count_kv": KV_HEADS})
    wanted = list(tensors(args.kind))
    head, offset = bytearray(), 0
    for name, extents, of in wanted:
        head += struct.pack("<Q", len(name)) + name.encode() + struct.pack("<I", len(extents))
        head += struct.pack(f"<{len(extents)}Q", *extents) + struct.pack("<IQ", of, offset)
        offset += -(-byte_count(extents, args.kind, of) // ALIGNMENT) * ALIGNMENT
    random = numpy.random.default_rng(1)
    with open(args.out, "wb") as file:
        file.write(struct.pack("<4sIQQ", b"GGUF", 3, len(wanted), count) + keys + head)
        for name, extents, of in wanted:
            file.write(bytes(-file.tell() % ALIGNMENT))
            write_values(file, name, extents, args.kind, of, random)


if __name__ == "__main__":
    main()
