"""Reads /metrics: Prometheus' text as numbers by name and labels."""
import re
import time

import httpx

LINE = re.compile(r"^([A-Za-z_:][A-Za-z0-9_:]*)(?:\{(.*)\})? (\S+)$")
LABEL = re.compile(r'([A-Za-z_][A-Za-z0-9_]*)="((?:[^"\\]|\\.)*)"')


class Metrics:
    def __init__(self, text):
        self.samples, self.types = [], {}
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                assert name not in self.types, f"{name} comes twice"
                self.types[name] = kind
            elif line and not line.startswith("#"):
                name, labels, value = LINE.match(line).groups()
                self.samples.append((name, dict(LABEL.findall(labels or "")), float(value)))

    def __call__(self, name, **labels):
        """The sum of all samples of that name and those labels."""
        found = [value for sample, has, value in self.samples
                 if sample == name and labels.items() <= has.items()]
        assert found, f"no {name} {labels}"
        return sum(found)

    def names(self):
        return {name for name, _, _ in self.samples}


def read(server):
    answer = httpx.get(f"{server.url}/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return Metrics(answer.text)


def read_when(server, holds, patience_s=10.0):
    """The first reading of which that holds; a request is counted a moment after its last byte."""
    deadline = time.monotonic() + patience_s
    while True:
        metrics = read(server)
        if holds(metrics) or time.monotonic() > deadline:
            return metrics
        time.sleep(0.01)
