#!/usr/bin/env python3
"""Writes src/text/jinja_case_table.cpp: what utf8proc does not know of Python's str methods, taken from the
running Python (code points whose case mapping has several code points, and the digits that are no decimals)."""
import pathlib
import sys


def mappings(method):
    found = [(c, getattr(chr(c), method)()) for c in range(sys.maxunicode + 1) if not 0xD800 <= c < 0xE000]
    return [(c, text) for c, text in found if len(text) > 1]


def ranges(method):
    out = []
    for code in range(sys.maxunicode + 1):
        if getattr(chr(code), method)() and not chr(code).isdecimal():
            if out and out[-1][1] == code - 1:
                out[-1][1] = code
            else:
                out.append([code, code])
    return out


def literal(text):
    return '"' + "".join(f"\\x{b:02x}" for b in text.encode()) + '"'


def wrap(items):
    lines, line = [], "   "
    for item in items:
        if len(line) + len(item) + 2 > 108:
            lines.append(line)
            line = "   "
        line += " " + item + ","
    return "\n".join(lines + [line])


def main():
    out = ['// Written by tools/make_case_table.py; do not edit.', '// clang-format off',
           '#include "text/jinja_case_table.h"', '', 'namespace atelier::text::jinja {', '']
    for name, method in (("kUpperExpansions", "upper"), ("kTitleExpansions", "title")):
        items = [f"{{0x{c:x}, {literal(text)}}}" for c, text in mappings(method)]
        out += [f"const std::array<CaseExpansion, {len(items)}> {name} = {{{{", wrap(items), "}};", ""]
    for name, method in (("kOtherDigits", "isdigit"), ("kOtherNumerics", "isnumeric")):
        items = [f"{{0x{a:x}, 0x{b:x}}}" for a, b in ranges(method)]
        out += [f"const std::array<CodeRange, {len(items)}> {name} = {{{{", wrap(items), "}};", ""]
    out += ["}  // namespace atelier::text::jinja", ""]
    sizes = [len(mappings("upper")), len(mappings("title")), len(ranges("isdigit")), len(ranges("isnumeric"))]
    root = pathlib.Path(__file__).resolve().parent.parent
    (root / "src/text/jinja_case_table.cpp").write_text("\n".join(out))
    print("sizes for jinja_case_table.h:", sizes)


if __name__ == "__main__":
    main()
