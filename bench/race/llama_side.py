"""llama.cpp's side: its own benchmark programs, from the folder where they were built."""
import json
import subprocess


class Llama:
    name = "llama.cpp"

    def __init__(self, programs, threads):
        self.programs, self.threads = programs, threads

    def refuses(self, model):
        return None

    def prefill(self, model, tokens):
        return self.bench(model, "-p", tokens, "-n", 0)

    def decode(self, model, tokens, depth):
        return self.bench(model, "-p", 0, "-n", tokens, "-d", depth)

    def batch(self, model, sequences, input, output):
        out = self.run("llama-batched-bench", "-m", model.path, "-npp", input, "-ntg", output, "-npl", sequences,
                       "-c", sequences * (input + output) + 64, "-b", 2048, "--output-format", "jsonl")
        rows = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
        return rows[-1]["speed_tg"]

    def close(self):
        pass

    def bench(self, model, *words):
        return json.loads(self.run("llama-bench", "-m", model.path, *words, "-r", 1, "-o", "json"))[0]["avg_ts"]

    def run(self, program, *words):
        command = [str(self.programs / program), *map(str, words), "-t", str(self.threads)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {(done.stderr or done.stdout).strip().splitlines()[-1]}")
        return done.stdout
