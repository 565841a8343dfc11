#!/usr/bin/env python3
"""Writes src/text/unicode_tables.inc: one byte of character classes per code point, in two stages.

The classes are asked of the PyPI package `tokenizers` itself, code point by code point, because its regular
expressions, its Digits splitter and its NFC each follow another version of Unicode and none says which:

  letter number space   \\p{L} \\p{N} \\s of its regex engine
  digit                 what Digits(individual_digits=True) isolates
  nfc_boundary          never changes under NFC and never joins what stands before it
  nfc_inert             a boundary that joins nothing behind it either: NFC does not know it

    python3 tools/make_unicode_tables.py            # rewrite the file
    python3 tools/make_unicode_tables.py --check    # exit 1 where the file differs
"""

import argparse
import pathlib
import sys

import tokenizers
from tokenizers import Regex, normalizers, pre_tokenizers

OUTPUT = pathlib.Path(__file__).resolve().parent.parent / "src/text/unicode_tables.inc"
LETTER, NUMBER, SPACE, DIGIT, NFC_BOUNDARY, NFC_INERT = (1 << bit for bit in range(6))
SURROGATES = range(0xD800, 0xE000)
CODE_POINTS = [c for c in range(0x110000) if c not in SURROGATES]
BLOCK = 128  # code points in one second-stage row


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    text = render(classify())
    if not check:
        OUTPUT.write_text(text)
    elif OUTPUT.read_text() != text:
        sys.exit(f"{OUTPUT} differs from what tokenizers {tokenizers.__version__} says")


def classify():
    table = [0] * 0x110000
    boundary, inert = nfc_classes()
    for members, bit in (
        (matched_by(r"\p{L}"), LETTER),
        (matched_by(r"\p{N}"), NUMBER),
        (matched_by(r"\s"), SPACE),
        (isolated_as_digits(), DIGIT),
        (boundary, NFC_BOUNDARY),
        (inert, NFC_INERT),
    ):
        for code_point in members:
            table[code_point] |= bit
    return table


def matched_by(pattern):
    split = pre_tokenizers.Split(Regex(pattern), "removed")
    rest = set()
    for text in slices():
        rest.update(*(map(ord, word) for word, _ in split.pre_tokenize_str(text)))
    return set(CODE_POINTS) - rest


def isolated_as_digits():
    split = pre_tokenizers.Digits(individual_digits=True)
    found = set()
    for text in slices():
        words = [word for word, _ in split.pre_tokenize_str("a".join(text))]
        found.update(ord(word) for word in words if len(word) == 1 and word != "a")
    return found


def slices():
    for start in range(0, len(CODE_POINTS), 4096):
        yield "".join(map(chr, CODE_POINTS[start : start + 4096]))


def nfc_classes():
    nfc, nfd = normalizers.NFC().normalize_str, normalizers.NFD().normalize_str
    second, takes_part, boundary, inert = set(), set(), set(), set()
    decomposition = {c: nfd(chr(c)) for c in CODE_POINTS}
    for code_point, parts in decomposition.items():
        if parts != chr(code_point) and nfc(chr(code_point)) == chr(code_point):  # a primary composite
            second.add(ord(parts[-1]))
            takes_part.update(map(ord, parts))
    for code_point, parts in decomposition.items():
        char = chr(code_point)
        moves = parts == char and has_combining_class(nfd, char)  # a primary composite never does
        if nfc(char) != char or moves or code_point in second:
            continue
        boundary.add(code_point)
        if parts == char and code_point not in takes_part:
            inert.add(code_point)
    return boundary, inert


def has_combining_class(nfd, char):
    """Whether canonical ordering moves it: past U+0334 (class 1) or before U+0345 (class 240)."""
    return nfd(f"a{char}\u0334")[-1] != "\u0334" or nfd(f"a\u0345{char}")[1] != "\u0345"


def render(table):
    rows, index = {}, []
    for start in range(0, len(table), BLOCK):
        index.append(rows.setdefault(tuple(table[start : start + BLOCK]), len(rows)))
    checks = [f"{fnv1a(bytes(value >> bit & 1 for value in table)):#018x}" for bit in range(6)]
    parts = [
        f"// Written by tools/make_unicode_tables.py from tokenizers {tokenizers.__version__}; do not edit.",
        "// FNV-1a over 0x110000 bytes of 0 or 1, per class: letter, number, space, digit, nfc_boundary, nfc_inert.",
        f"constexpr std::uint64_t kClassChecksums[6] = {{{', '.join(checks)}}};",
        f"constexpr std::uint16_t kRowOfBlock[{len(index)}] = {{",
        *lines_of(index),
        "};",
        f"constexpr std::uint8_t kRows[{len(rows)}][{BLOCK}] = {{",
    ]
    for row in rows:
        parts += ["{" + ",".join(map(str, row)) + "},"]
    return "\n".join([*parts, "};", ""])


def lines_of(numbers, per_line=128):
    for start in range(0, len(numbers), per_line):
        yield ",".join(map(str, numbers[start : start + per_line])) + ","


def fnv1a(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value


if __name__ == "__main__":
    main()
