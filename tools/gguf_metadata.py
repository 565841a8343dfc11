"""The metadata of a GGUF file (v2, v3), just enough for the tools: read it, or copy a file with one string changed."""

import shutil
import struct

SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
STRING, ARRAY = 8, 9


def read(path):
    """Every key with its value; strings as str, arrays as lists."""
    with open(path, "rb") as file:
        return {key: value for key, value, _, _ in entries(file)}


def copy_with_string(source, target, key, value):
    """Copies `source` to `target` with the string under `key` replaced."""
    with open(source, "rb") as old, open(target, "wb") as new:
        start = end = None
        alignment = 32
        for name, held, before, after in entries(old):
            if name == key:
                start, end = before, after
            if name == "general.alignment":
                alignment = held
        if start is None:
            raise KeyError(f"{source} has no {key}")
        old.seek(8)
        (tensors,) = unpack(old, "Q")
        for _ in entries(old):
            pass
        for _ in range(tensors):
            string(old)
            (dimensions,) = unpack(old, "I")
            old.seek(dimensions * 8 + 12, 1)
        infos_end = old.tell()
        data_start = -(-infos_end // alignment) * alignment
        old.seek(0)
        new.write(old.read(start))
        text = value.encode()
        new.write(struct.pack("<Q", len(text)) + text)
        old.seek(end)
        new.write(old.read(infos_end - end))
        new.write(bytes(-new.tell() % alignment))
        old.seek(data_start)
        shutil.copyfileobj(old, new, 1 << 22)


def entries(file):
    """(key, value, offset of the value, offset past it) in file order; leaves the file at the tensor infos."""
    file.seek(0)
    magic, version, _, count = unpack(file, "4sIQQ")
    if magic != b"GGUF" or version not in (2, 3):
        raise ValueError(f"not a GGUF v2 or v3 file: {magic!r} version {version}")
    for _ in range(count):
        key = string(file)
        (kind,) = unpack(file, "I")
        before = file.tell()
        held = value_of(file, kind)
        yield key, held, before, file.tell()


def value_of(file, kind):
    if kind == STRING:
        return string(file)
    if kind == ARRAY:
        item, count = unpack(file, "IQ")
        if item in SCALARS:
            return list(unpack(file, f"{count}{SCALARS[item]}"))
        return [value_of(file, item) for _ in range(count)]
    return unpack(file, SCALARS[kind])[0]


def string(file):
    (length,) = unpack(file, "Q")
    return file.read(length).decode("utf-8", "replace")


def unpack(file, layout):
    layout = "<" + layout
    return struct.unpack(layout, file.read(struct.calcsize(layout)))
