#!/usr/bin/env python3
"""Refuses weak symbols in objects compiled for one instruction set: check_isa_objects.py BUILD_FOLDER.

A std template inlined into linear_avx512.cpp and emitted there as a weak symbol may be the copy the linker keeps for
everybody, and then older processors die of an illegal instruction far away from any kernel.
"""
import re
import subprocess
import sys
from pathlib import Path

ISA_OBJECT = re.compile(r"_(avx2|avxvnni|avx512|avx512bf16|amx)\.cpp\.o$")
HARMLESS = {"DW.ref.__gxx_personality_v0"}


def weak_symbols(path):
    listing = subprocess.run(["nm", "--defined-only", str(path)], capture_output=True, text=True, check=True)
    for line in listing.stdout.splitlines():
        kind, name = line.split()[-2:]
        if kind in "WwVvu" and name not in HARMLESS:
            yield name


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    objects = sorted(path for path in Path(sys.argv[1]).rglob("*.o") if ISA_OBJECT.search(path.name))
    faults = [f"{path.name}: {name}" for path in objects for name in weak_symbols(path)]
    for fault in faults:
        print(fault)
    print(f"{len(objects)} ISA objects: " + (f"{len(faults)} weak symbols" if faults else "no weak symbol"))
    return 1 if faults or not objects else 0


if __name__ == "__main__":
    sys.exit(main())
