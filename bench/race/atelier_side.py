"""Our side of the race: one process of `atelier` for each figure."""
import json
import subprocess


class Atelier:
    def __init__(self, program, threads, isa, compute, text):
        self.program, self.text = program, text
        self.options = ["--threads", str(threads), "--compute", compute] + (["--isa", isa] if isa else [])
        self.divergences = {}

    def latency(self, model, rounds=1, input=1, output=1, depth=0, sequences=1, packed_cache=None):
        # Many at once is what the mode is for: at 64 bf16 tiles are ahead of int8 products, at 32 not yet.
        mode = "throughput" if sequences >= 64 else "interactivity"
        return self.json("bench", "latency", model.path, "--performance-mode", mode, "--num-iters", rounds, "--input-len", input,
                         "--output-len", output, "--depth", depth, "--batch-size", sequences,
                         *(["--packed-cache", packed_cache] if packed_cache else []))

    def divergence(self, model, role):
        """KL(fp32 || this compute mode) per token of the text computed in that role ("prompt", "generated"), and
        how often both like the same token best; None where there is no text. Two windows tell the size of it."""
        if self.text is None:
            return None
        if (model.path, role) not in self.divergences:
            found = self.json("perplexity", model.path, "--file", self.text, "--window", 256, "--tokens", 512,
                              "--kl-to", "fp32", "--role", role)
            self.divergences[model.path, role] = {"kl": found["kl_mean"], "same_top": found["same_top"]}
        return self.divergences[model.path, role]

    def json(self, *words):
        command = [str(self.program), *map(str, words), *self.options, "--json"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip().splitlines()[-1]}")
        return json.loads(done.stdout)
