"""What HTTP, JSON and tokenising cost while chats stream: the processor time of every thread that is not the
engine's, by its name, while `atelier bench serve` asks."""
import json
import os
import subprocess
import tempfile
import time

from process import thread_seconds
from row import Outcome, row
from serving import BIN, MODEL, Server

ENGINE = {"engine", "pool"}


def measure(server, at_once, requests, tokens=64):
    """(share of a core, tokens a second, seconds by thread name)"""
    with tempfile.TemporaryDirectory() as folder:
        result = os.path.join(folder, "run.json")
        command = [BIN, "bench", "serve", "--port", str(server.port), "--backend", "openai-chat", "--num-prompts", str(requests),
                   "--max-concurrency", str(at_once), "--random-input-len", "128", "--random-output-len", str(tokens),
                   "--save-result", "--result-dir", folder, "--result-filename", "run.json"]
        before, begin = thread_seconds(server.process.pid), time.monotonic()
        subprocess.run(command, check=True, capture_output=True)
        seconds, after = time.monotonic() - begin, thread_seconds(server.process.pid)
        with open(result) as file:
            said = json.load(file)
    spent = {name: after[name] - before.get(name, 0.0) for name in after}
    ours = sum(value for name, value in spent.items() if name not in ENGINE)
    # bench serve prepares its prompts before its clock starts: the run's own duration is the load's
    return ours / said.get("duration", seconds), said.get("output_throughput", 0.0), spent


@row("cost", "HTTP, JSON and tokenising")
def http_cost(full):
    model = os.environ.get("ATELIER_COST_MODEL", MODEL)
    figures, numbers = [], {"model": os.path.basename(model)}
    for at_once in (16, 64) if full else (16,):
        server = Server("--max-model-len", "1024", "--max-num-seqs", str(at_once), model=model)
        try:
            if full:
                measure(server, at_once, at_once)  # warm
            share, rate, spent = measure(server, at_once, at_once * (4 if full else 1), 64 if full else 24)
        finally:
            server.stop()
        figures.append((at_once, share, rate))
        numbers[str(at_once)] = {"share": share, "tokens_per_s": rate, "seconds_by_thread": spent}
    most = 0.03 if full else 0.15  # quick: a smaller model makes more tokens, and a short run has its beginning in it
    return Outcome("; ".join(f"{share:.1%} of a core at {at_once} streams ({rate:.0f} tokens/s)" for at_once, share, rate in figures),
                   f"<= {most:.0%}", all(share <= most for _, share, _ in figures), numbers)
