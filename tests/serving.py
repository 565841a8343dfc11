"""A running `atelier serve`, for whatever tests it from outside.

ATELIER_BIN is the program (default build/release/atelier), ATELIER_TEST_MODEL the model (default the catalogue's
smollm2-135m-instruct). Servers listen on a free port, of the loopback unless told otherwise.
"""
import os
import re
import signal
import subprocess
import threading
import time

import httpx
import openai

BIN = os.environ.get("ATELIER_BIN", "build/release/atelier")
MODEL = os.environ.get("ATELIER_TEST_MODEL", "smollm2-135m-instruct")
START_TIMEOUT_S = 300

# Whoever starts us in the background may have SIGINT ignored; what is ignored stays so in our children.
signal.signal(signal.SIGINT, signal.default_int_handler)


class Server:
    """A process of `atelier serve` and what it has said on stderr."""

    def __init__(self, *arguments, model=MODEL, key=None, environment=None):
        """model None: the arguments name it. key: what the server asks for."""
        self.lines = []
        self.key = key
        self.process = subprocess.Popen(
            [BIN, "serve", *([model] if model else []), "--port", "0", *arguments], stderr=subprocess.PIPE, text=True,
            errors="replace", env={**os.environ, **(environment or {})})
        self.url = None
        self._ready = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._ready.wait(START_TIMEOUT_S)
        if self.url is None:
            self.process.kill()
            raise RuntimeError("the server did not start:\n" + "".join(self.lines))
        self.model = self.get("/v1/models").json()["data"][0]["id"]

    def _read(self):
        for line in self.process.stderr:
            self.lines.append(line)
            found = re.search(r"ready: .*?(http://[0-9.]+:[0-9]+)", line)
            if found and self.url is None:
                self.url = found.group(1)
                self._ready.set()
        self._ready.set()

    @property
    def port(self):
        return int(self.url.rsplit(":", 1)[1])

    def client(self, **options):
        options = {"api_key": self.key or "none", "max_retries": 0, "timeout": 120, **options}
        return openai.OpenAI(base_url=f"{self.url}/v1", **options)

    def get(self, path):
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        return httpx.get(self.url + path, headers=headers)

    def load(self):
        return self.get("/load").json()

    def wait_until(self, holds, patience_s=10.0):
        """Waits until holds(what /load says); the seconds it took."""
        begin = time.monotonic()
        while not holds(load := self.load()):
            assert time.monotonic() - begin < patience_s, f"still {load}"
            time.sleep(0.005)
        return time.monotonic() - begin

    def wait_idle(self, patience_s=10.0):
        """Waits until nothing runs in the engine; the seconds it took."""
        return self.wait_until(lambda load: load["server_load"] == 0, patience_s)

    def stop(self, patience_s=60):
        """SIGTERM and its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
