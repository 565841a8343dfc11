#!/usr/bin/env python3
"""Races Atelier against the peers and against what this machine can do, and prints the table.

    python3 bench/race --peers FOLDER --models FOLDER [--make] [--rows prefill,decode] [--only 0.5b-q4_0] …

FOLDER of peers: llama/bin, llama-avx2/bin (llama.cpp's programs), openvino/bin/python (with openvino-genai);
those that are missing are left out. Shared machines drift, so all take turns and the median ratio of the rounds
counts. The figures go to bench/results/DATE-COLUMN.json; a second run of a day replaces the lines it measured.
"""
import argparse
import json
import os
import sys
import time
from pathlib import Path

import machine as this_machine
import models as files
import table
from atelier_side import Atelier
from llama_side import Llama
from openvino_side import OpenVino
from rows import ROWS, Race

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("ATELIER_TEST_DATA", ROOT.parent / "shared"))


def options():
    parser = argparse.ArgumentParser(prog="race", description=__doc__.splitlines()[0],
                                     formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    add = parser.add_argument
    add("--peers", type=Path, help="folder of the engines to race against")
    add("--models", type=Path, help="folder of GGUF files")
    add("--model", type=Path, action="append", default=[], help="one more file; may be given again")
    add("--only", help="take the models whose name holds one of these, comma-separated")
    add("--rows", default=",".join(ROWS), help="which rows of the table")
    add("--rounds", type=int, default=3, help="turns of each")
    add("--threads", type=int, default=2, help="of every engine")
    add("--isa", default="", help="hold Atelier to this instruction set; avx2 races llama-avx2")
    add("--compute", default="auto", help="Atelier's arithmetic")
    add("--bin", type=Path, default=ROOT / "build/release/atelier", help="our program")
    add("--text", type=Path, default=DATA / "data/text/wt2_valid.txt", help="what KL is measured on")
    add("--peers-only", action="store_true", help="measure the peers alone")
    add("--make", action="store_true", help="make missing models of random weights in the folder first")
    add("--shapes", type=Path, default=DATA / "tools/make_random_qwen.py", help="the tool that makes them")
    add("--python", type=Path, default=Path(sys.executable), help="with --make: one that has numpy and gguf")
    add("--tokenizer", type=Path, help="with --make: a tokenizer.json of Qwen2.5's")
    add("--out", type=Path, help="the JSON file; else bench/results/DATE-COLUMN.json")
    return parser.parse_args()


def find_peers(args):
    if args.peers is None:
        return []
    held = args.isa in ("avx2", "scalar")
    programs = args.peers / ("llama-avx2" if held else "llama") / "bin"
    python = args.peers / "openvino/bin/python"
    peers = [Llama(programs, args.threads)] if (programs / "llama-bench").exists() else []
    return peers + ([OpenVino(python, args.threads)] if python.exists() and not held else [])


def find_models(args):
    if args.make:
        files.Maker(args.models, args.shapes, args.tokenizer, args.python, args.peers / "llama/bin").make(files.WANTED)
    found = (files.in_folder(args.models) if args.models else []) + [files.Model(path) for path in args.model]
    wanted = args.only.split(",") if args.only else [""]
    return [model for model in found if any(word in model.name for word in wanted)]


def measure(race, models, names):
    """Lines as they come; what fails is told and left out, so that one engine's trouble costs only its rows."""
    for name in names:
        lines = ROWS[name](race, models)
        while True:
            try:
                line = next(lines, None)
            except RuntimeError as trouble:
                print(f"  {name}: {trouble}", file=sys.stderr)
                break
            if line is None:
                break
            yield line
    for peer in race.peers:
        peer.close()


def save(path, head, lines):
    """With the lines of an earlier run of the day that were not measured again."""
    def place(line):
        return line["work"], line["model"], line["against"], line["compute"], line["isa"]
    taken = {place(line) for line in lines}
    earlier = json.loads(path.read_text())["lines"] if path.exists() else []
    lines = [line for line in earlier if place(line) not in taken] + lines
    path.write_text(json.dumps({**head, "lines": lines}, indent=1) + "\n")


def main():
    args = options()
    unknown = [name for name in args.rows.split(",") if name not in ROWS]
    if unknown:
        sys.exit(f"race: no row {', '.join(unknown)}; there are {', '.join(ROWS)}")
    machine = this_machine.describe()
    column = this_machine.column(machine, args.isa)
    text = args.text if args.text.exists() else None
    ours = None if args.peers_only else Atelier(args.bin, args.threads, args.isa, args.compute, text)
    race = Race(ours, find_peers(args), column, args.rounds)
    head = {"date": time.strftime("%Y-%m-%d"), "machine": machine, "column": column, "threads": args.threads}
    if not race.peers:
        print("no peers: set beside limits only", file=sys.stderr)

    path = args.out or ROOT / f"bench/results/{head['date']}-{column}.json"
    stamp = {"compute": args.compute, "isa": args.isa, "commit": this_machine.commit(ROOT), "rounds": args.rounds}
    lines = []
    for line in table.show(measure(race, find_models(args), args.rows.split(","))):
        lines.append({**line, **stamp})
        save(path, head, lines)
    return 1 if any(line["holds"] is False for line in lines) else 0


if __name__ == "__main__":
    sys.exit(main())
