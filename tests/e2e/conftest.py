"""What the end-to-end tests share: a running `atelier serve` (tests/serving.py says how it is found)."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from serving import BIN, MODEL, Server  # noqa: E402, F401 (the tests take them from here)


@pytest.fixture(scope="session")
def server():
    """One server for all tests that leave it as they found it."""
    running = Server()
    yield running
    assert running.process.poll() is None, "the server died:\n" + "".join(running.lines[-50:])
    assert running.stop() == 0


@pytest.fixture
def start_server():
    """Starts servers of a test's own: start_server("--max-num-seqs", "1")."""
    started = []

    def start(*arguments, **options):
        started.append(Server(*arguments, **options))
        return started[-1]

    yield start
    for running in started:
        if running.process.poll() is None:
            running.process.kill()
            running.process.wait()
