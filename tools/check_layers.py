#!/usr/bin/env python3
"""Checks the house: who includes whom, sizes, names. Exit 1 and a list where something is off.

layers.json is the table of docs/house.md as data: room -> rooms it may include ("*": all).
"""
import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LAYERS = json.loads((ROOT / "tools/layers.json").read_text())
MAX_LINES = 600
MAX_README_LINES = 40
BANNED = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "core", "impl"}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)


def tracked_files():
    listing = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"],
                             cwd=ROOT, capture_output=True, text=True, check=True)
    return [Path(line) for line in listing.stdout.splitlines() if (ROOT / line).is_file()]


def circles(graph):
    """The circles of a graph {node: [nodes]}, each once, as lists."""
    found, done = [], set()

    def walk(node, path):
        if node in path:
            found.append(path[path.index(node):] + [node])
        elif node not in done:
            for following in graph.get(node, []):
                walk(following, path + [node])
            done.add(node)

    for node in graph:
        walk(node, [])
    return found


def check_includes(files):
    includes = {}
    for file in files:
        if file.parts[0] != "src" or file.suffix not in {".h", ".cpp"}:
            continue
        room = file.parts[1]
        allowed = LAYERS.get(room)
        if allowed is None:
            yield f"{file}: room '{room}' is not in tools/layers.json"
            continue
        names = INCLUDE.findall((ROOT / file).read_text())
        includes[str(file.relative_to("src"))] = names
        for name in names:
            target = name.split("/")[0]
            if target in LAYERS and target != room and "*" not in allowed and target not in allowed:
                yield f"{file}: room '{room}' may not include {name}"
            if not (ROOT / "src" / name).exists() and not name.endswith(".inc"):
                yield f"{file}: {name} is not a path from src/"
    for circle in circles(includes):
        yield "include circle: " + " -> ".join(circle)


def check_links():
    """A room's CMakeLists.txt links only what its layer allows."""
    for room, allowed in LAYERS.items():
        text = (ROOT / "src" / room / "CMakeLists.txt").read_text()
        uses = re.search(r"USES\s+([a-z ]+)", text)
        for target in uses.group(1).split() if uses else []:
            if "*" not in allowed and target not in allowed:
                yield f"src/{room}/CMakeLists.txt: links '{target}', which its layer does not allow"


def check_sizes_and_names(files):
    for file in files:
        if file.suffix in {".h", ".cpp", ".cu", ".py", ".ts", ".sh"}:
            lines = (ROOT / file).read_text().count("\n")
            if lines > MAX_LINES:
                yield f"{file}: {lines} lines; the limit is {MAX_LINES}"
        if file.parts[0] in {"src", "web", "tests", "tools", "bench"}:
            for stem in re.split(r"[_\-.]", file.stem):
                if stem in BANNED:
                    yield f"{file}: '{stem}' says nothing; name the noun"


def check_readmes():
    for room in LAYERS:
        readme = ROOT / "src" / room / "README.md"
        if not readme.exists():
            yield f"src/{room}: README.md is missing"
        elif readme.read_text().count("\n") > MAX_README_LINES:
            yield f"{readme.relative_to(ROOT)}: over {MAX_README_LINES} lines"


def main():
    files = tracked_files()
    direct = {room: [r for r in allowed if r != "*"] for room, allowed in LAYERS.items()}
    faults = [f"layer circle: {' -> '.join(circle)}" for circle in circles(direct)]
    faults += [*check_includes(files), *check_links(), *check_sizes_and_names(files), *check_readmes()]
    for fault in faults:
        print(fault)
    print(f"{len(files)} files, {len(LAYERS)} rooms: " + (f"{len(faults)} faults" if faults else "in order"))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
