"""OpenVINO GenAI's side: a child under the peer's own python that holds one model, as loading takes it long."""
import json
import subprocess
from pathlib import Path

CHILD = Path(__file__).with_name("openvino_child.py")


class OpenVino:
    name = "OpenVINO"

    def __init__(self, python, threads):
        self.python, self.threads = python, threads
        self.child, self.holds, self.refusals = None, None, {}

    def refuses(self, model):
        """Why it does not read this file, or None."""
        if model.path not in self.refusals:
            self.hold(model, batched=False)
        return self.refusals[model.path]

    def prefill(self, model, tokens):
        return self.ask(model, task="prefill", tokens=tokens)

    def decode(self, model, tokens, depth):
        return self.ask(model, task="decode", tokens=tokens, depth=depth)

    def batch(self, model, sequences, input, output):
        return self.ask(model, batched=True, task="batch", sequences=sequences, input=input, output=output)

    def close(self):
        """Gives the model's memory back: three times the file's bytes."""
        if self.child:
            self.child.stdin.close()
            self.child.wait()
        self.child = self.holds = None

    def hold(self, model, batched):
        if self.holds == (model.path, batched):
            return
        self.close()
        words = [str(self.python), str(CHILD), str(model.path), str(self.threads)] + ["--batched"] * batched
        self.child = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=subprocess.DEVNULL, text=True)
        self.refusals[model.path] = self.answer().get("error")
        self.holds = (model.path, batched)

    def ask(self, model, batched=False, **wish):
        self.hold(model, batched)
        print(json.dumps(wish), file=self.child.stdin, flush=True)
        answer = self.answer()
        if "tokens_per_s" not in answer:
            raise RuntimeError(f"OpenVINO on {model.name}: {answer['error']}")
        return answer["tokens_per_s"]

    def answer(self):
        for line in self.child.stdout:
            if line.startswith("{"):
                return json.loads(line)
        return {"error": f"ended with status {self.child.wait()}"}
