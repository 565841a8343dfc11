#!/usr/bin/env python3
"""Writes the table of flags in docs/serving.md from `atelier serve --help`. tests/e2e/test_flags.py compares names."""
import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/serving.md"
BEGIN, END = "<!-- flags: made by tools/make_flags_table.py -->", "<!-- end of flags -->"


def groups(help_text):
    """[(group, [(flag, value, text)])] in the order of --help."""
    found, rows = [], None
    for line in help_text.splitlines():
        heading = re.fullmatch(r"([A-Z][^:]*):", line)
        flag = re.match(r"  --([a-z-]+)(?:,--no-[a-z-]+\{false\})?(?: (\S+))?(?:\s+(\S.*))?$", line)
        if heading:
            rows = []
            found.append((heading.group(1), rows))
        elif flag and rows is not None:
            rows.append([f"--{flag.group(1)}", flag.group(2) or "", flag.group(3) or ""])
        elif line.startswith(" " * 20) and rows:
            rows[-1][2] = (rows[-1][2] + " " + line.strip()).strip()
    return [(group, rows) for group, rows in found if rows and group != "Options"]


def table(help_text):
    lines = []
    for group, rows in groups(help_text):
        lines += [f"### {group}", "", "| flag | what it does |", "|---|---|"]
        for flag, value, text in rows:
            shown = f"`{flag}`" + (f" {value}".replace("|", "\\|") if value else "")
            lines.append(f"| {shown} | " + text.replace("|", "\\|") + " |")
        lines.append("")
    return "\n".join(lines)


def main():
    program = os.environ.get("ATELIER_BIN", str(ROOT / "build/release/atelier"))
    help_text = subprocess.run([program, "serve", "--help"], capture_output=True, text=True, check=True).stdout
    page = PAGE.read_text()
    begin, end = page.index(BEGIN) + len(BEGIN), page.index(END)
    PAGE.write_text(page[:begin] + "\n" + table(help_text) + page[end:])


if __name__ == "__main__":
    main()
