#!/usr/bin/env python3
"""Races `atelier bench latency` against llama.cpp's llama-bench on the same file, in turn, in one run.

    bench/race.py --peer FOLDER/llama/bin --model FILE.gguf [--rounds 3] [--threads 2] [--out bench/results/NAME.json]

Shared machines drift, so the two take turns and the ratio of each round counts; the median round is reported.
The peer is built outside the tree; nothing of it is kept here.
"""
import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def run(command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def peer_rates(args):
    out = run([f"{args.peer}/llama-bench", "-m", args.model, "-p", str(args.input_len), "-n", str(args.output_len),
               "-t", str(args.threads), "-r", "2", "-o", "json"])
    rows = json.loads(out)
    return {"prefill": next(row["avg_ts"] for row in rows if row["n_gen"] == 0),
            "decode": next(row["avg_ts"] for row in rows if row["n_gen"] > 0)}


def our_report(args):
    return json.loads(run([str(ROOT / "build/release/atelier"), "bench", "latency", args.model, "--json",
                           "--threads", str(args.threads), "--input-len", str(args.input_len),
                           "--output-len", str(args.output_len)]))


def machine():
    flags = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("flags")), "")
    wanted = ["avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16"]
    return {"processor": platform.processor() or platform.machine(),
            "model_name": next((line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                                if line.startswith("model name")), ""),
            "features": [flag for flag in wanted if flag in flags.split()]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", required=True, help="folder that holds llama-bench")
    parser.add_argument("--model", required=True, help="a GGUF file both can read")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--input-len", type=int, default=512)
    parser.add_argument("--output-len", type=int, default=64)
    parser.add_argument("--out", help="write the figures as JSON here")
    args = parser.parse_args()

    rounds = []
    for number in range(args.rounds):
        ours, peer = our_report(args), peer_rates(args)
        row = {"prefill_tokens_per_s": ours["prefill_tokens_per_s"], "peer_prefill_tokens_per_s": peer["prefill"],
               "decode_tokens_per_s": ours["decode_tokens_per_s"], "peer_decode_tokens_per_s": peer["decode"],
               "prefill_ratio": ours["prefill_tokens_per_s"] / peer["prefill"],
               "decode_ratio": ours["decode_tokens_per_s"] / peer["decode"],
               "first_token_s": ours["first_token_s"],
               "memory_ratio": (ours["peak_rss_bytes"] - (64 << 20)) /
                               (Path(args.model).stat().st_size + ours["kv_bytes"])}
        rounds.append(row)
        print(f"round {number + 1}: prefill {row['prefill_tokens_per_s']:.0f} / {peer['prefill']:.0f} tok/s "
              f"= {row['prefill_ratio']:.2f}x, decode {row['decode_tokens_per_s']:.1f} / {peer['decode']:.1f} tok/s "
              f"= {row['decode_ratio']:.2f}x, first token {row['first_token_s']:.2f} s", file=sys.stderr)

    result = {"date": time.strftime("%Y-%m-%d"), "machine": machine(), "threads": args.threads, "isa": ours["isa"],
              "model": Path(args.model).name, "input_len": args.input_len, "output_len": args.output_len,
              "median": {key: statistics.median(row[key] for row in rounds) for key in rounds[0]}, "rounds": rounds}
    print(json.dumps(result["median"], indent=1))
    if args.out:
        Path(args.out).write_text(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
