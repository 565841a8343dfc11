#!/usr/bin/env python3
"""Writes a GGUF of random weights at a Qwen2.5 shape straight in its blocks, without a float file in between.

    python3 bench/race/random_model.py LIKE.gguf {0.5b,1.5b,7b} {q4_0,q8_0} OUT.gguf

Vocabulary and template are LIKE's. Weights spread like normal(0, 0.02): the scales are one number, the integers
are random. The 7B takes a quarter of the disk and a tenth of the time that quantising it takes.
"""
import argparse
import struct

import numpy

# layers, hidden, ffn, heads, KV heads, vocabulary, tied
SHAPES = {"0.5b": (24, 896, 4864, 14, 2, 151936, True), "1.5b": (28, 1536, 8960, 12, 2, 151936, True),
          "7b": (28, 3584, 18944, 28, 4, 152064, False)}
F32, KINDS = 0, {"q4_0": (2, 18, 2), "q8_0": (8, 34, 7)}  # tensor type, bytes of 32 values, general.file_type
SCALE = {"q4_0": 0.02 / 4.6, "q8_0": 0.02 / 74}  # the standard deviation of the integers
ALIGNMENT = 32
UNUSED = 5  # tokenizer.ggml.token_type
STRING, ARRAY, FIXED = 8, 9, {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        (value,) = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return value

    def string(self):
        length = self.take("Q")
        self.at += length
        return self.data[self.at - length:self.at]

    def skip(self, kind):
        if kind == STRING:
            self.string()
        elif kind == ARRAY:
            inner, count = self.take("I"), self.take("Q")
            if inner in FIXED:
                self.at += FIXED[inner] * count
            else:
                for _ in range(count):
                    self.skip(inner)
        else:
            self.at += FIXED[kind]


def padded(key, value, vocabulary):
    """An array of the vocabulary, with tokens nobody uses to fill it."""
    inner, count = struct.unpack_from("<IQ", value)
    if key not in ("tokenizer.ggml.tokens", "tokenizer.ggml.token_type") or count >= vocabulary:
        return value
    names = (f"[PAD{i}]".encode() for i in range(count, vocabulary))
    more = (struct.pack("<Q", len(name)) + name if inner == STRING else struct.pack("<i", UNUSED) for name in names)
    return struct.pack("<IQ", inner, vocabulary) + value[12:] + b"".join(more)


def metadata(path, vocabulary, changes):
    """The key-value section of a file with some numbers changed: (how many, bytes)."""
    with open(path, "rb") as file:
        reader = Reader(file.read(64 << 20))
    reader.at = 16
    count, out = reader.take("Q"), bytearray()
    for _ in range(count):
        start = reader.at
        key = reader.string().decode()
        kind = reader.take("I")
        value = reader.at
        reader.skip(kind)
        out += reader.data[start:value]
        old = reader.data[value:reader.at]
        new = padded(key, old, vocabulary) if kind == ARRAY else old
        out += struct.pack("<I", changes[key]) if key in changes else new
    return count, bytes(out)


def tensors(shape, kind):
    """(name, extents from the innermost, type)"""
    layers, hidden, ffn, heads, kv_heads, vocabulary, tied = SHAPES[shape]
    kv, weight = hidden // heads * kv_heads, KINDS[kind][0]
    yield "token_embd.weight", (hidden, vocabulary), weight
    for i in range(layers):
        for name, rows in (("attn_q", hidden), ("attn_k", kv), ("attn_v", kv)):
            yield f"blk.{i}.{name}.weight", (hidden, rows), weight
            yield f"blk.{i}.{name}.bias", (rows,), F32
        yield f"blk.{i}.attn_output.weight", (hidden, hidden), weight
        yield f"blk.{i}.ffn_gate.weight", (hidden, ffn), weight
        yield f"blk.{i}.ffn_up.weight", (hidden, ffn), weight
        yield f"blk.{i}.ffn_down.weight", (ffn, hidden), weight
        yield f"blk.{i}.attn_norm.weight", (hidden,), F32
        yield f"blk.{i}.ffn_norm.weight", (hidden,), F32
    yield "output_norm.weight", (hidden,), F32
    if not tied:
        yield "output.weight", (hidden, vocabulary), weight


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
    parser.add_argument("shape", choices=SHAPES)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("out")
    args = parser.parse_args()
    layers, hidden, ffn, heads, kv_heads, vocabulary, _ = SHAPES[args.shape]
    count, keys = metadata(args.like, vocabulary, {
        "general.file_type": KINDS[args.kind][2], "qwen2.block_count": layers, "qwen2.embedding_length": hidden,
        "qwen2.feed_forward_length": ffn, "qwen2.attention.head_count": heads,
        "qwen2.attention.head_count_kv": kv_heads})
    wanted = list(tensors(args.shape, args.kind))
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
