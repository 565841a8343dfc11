"""The machine a race runs on: its features, and which column of bars it has to reach."""
import os
import platform
import subprocess
from pathlib import Path

FEATURES = ["avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16"]


def cpuinfo(key):
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.split(":")[0].strip() == key:
            return line.split(":", 1)[1].strip()
    return ""


def describe():
    flags = cpuinfo("flags").split()
    return {"architecture": platform.machine(), "model_name": cpuinfo("model name"), "cores": os.cpu_count(),
            "features": [feature for feature in FEATURES if feature in flags]}


def column(machine, isa):
    """"amx", "avx512" or "avx2": whose bars hold for this machine and the --isa it is held to."""
    if isa in ("avx2", "scalar"):
        return "avx2"
    if "amx_int8" in machine["features"] and isa != "avx512":
        return "amx"
    return "avx512" if "avx512f" in machine["features"] else "avx2"


def commit(root):
    def git(*words):
        return subprocess.run(["git", *words], cwd=root, capture_output=True, text=True).stdout.strip()
    return git("rev-parse", "--short", "HEAD") + ("+" if git("status", "--porcelain", "--untracked-files=no") else "")
