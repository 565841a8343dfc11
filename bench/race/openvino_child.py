"""OpenVINO GenAI, one model loaded: answers tasks from stdin, one JSON line each. Run by the peer's own python.

    openvino_child.py FILE.gguf THREADS [--batched]      (--batched: its continuous-batching pipeline)

    {"task": "prefill", "tokens": 512}                        -> {"tokens_per_s": ...}
    {"task": "decode", "tokens": 64, "depth": 8}              -> {"tokens_per_s": ...}
    {"task": "batch", "sequences": 16, "input": 128, "output": 64} -> {"tokens_per_s": ...}   of the answers
The first line out is {"load_s": ...}, or {"error": ...} for a file that it refuses.
"""
import json
import sys
import time

import numpy as np
import openvino as ov
import openvino_genai as genai


def load(path, threads, batched):
    settings = {"INFERENCE_NUM_THREADS": threads}
    if batched:
        scheduler = genai.SchedulerConfig()
        scheduler.cache_size, scheduler.max_num_seqs, scheduler.enable_prefix_caching = 2, 64, False
        return genai.LLMPipeline(path, "CPU", scheduler_config=scheduler, **settings)
    return genai.LLMPipeline(path, "CPU", PERFORMANCE_HINT="LATENCY", **settings)


class Tasks:
    def __init__(self, pipeline):
        self.pipeline = pipeline
        self.random = np.random.default_rng(1)

    def generate(self, sequences, tokens, new):
        ids = self.random.integers(1000, 40000, (sequences, tokens)).astype(np.int64)
        wishes = genai.GenerationConfig()
        wishes.max_new_tokens, wishes.ignore_eos, wishes.do_sample = new, True, False
        inputs = genai.TokenizedInputs(ov.Tensor(ids), ov.Tensor(np.ones_like(ids)))
        start = time.perf_counter()
        result = self.pipeline.generate(inputs, wishes)
        return time.perf_counter() - start, result.perf_metrics

    def prefill(self, tokens):
        return tokens / (self.generate(1, tokens, 1)[1].get_ttft().mean / 1e3)

    def decode(self, tokens, depth):
        return 1e3 / self.generate(1, max(depth, 8), tokens + 1)[1].get_tpot().mean

    # The prompts' time is taken off, as the peers' batch figures are of answers alone.
    def batch(self, sequences, input, output):
        prompts = self.generate(sequences, input, 1)[0]
        return sequences * (output - 1) / (self.generate(sequences, input, output)[0] - prompts)


def main():
    path, threads = sys.argv[1], int(sys.argv[2])
    start = time.time()
    try:
        tasks = Tasks(load(path, threads, "--batched" in sys.argv))
        tasks.generate(1, 64, 4)
    except Exception as refused:  # whatever the peer's reader throws is its answer
        print(json.dumps({"error": str(refused).strip().splitlines()[-1][:300]}), flush=True)
        return
    print(json.dumps({"load_s": time.time() - start}), flush=True)
    for line in sys.stdin:
        wish = json.loads(line)
        rate = getattr(tasks, wish.pop("task"))(**wish)
        print(json.dumps({"tokens_per_s": rate}), flush=True)


if __name__ == "__main__":
    main()
