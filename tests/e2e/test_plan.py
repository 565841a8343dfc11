"""`atelier plan`: what it says beforehand is what the server takes afterwards."""
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from conftest import BIN, MODEL

# more of them where a machine has them: a folder of GGUF files
MORE = sorted(Path(os.environ.get("ATELIER_TEST_MODELS", "/nowhere")).glob("*0.5b*.gguf"))


def plan(*arguments):
    done = subprocess.run([BIN, "plan", *arguments, "--json"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("model", [MODEL, *map(str, MORE)])
def test_the_server_takes_what_was_planned(start_server, model):
    planned = plan(model, "--users", "4", "--context", "2048")
    server = start_server("--max-num-seqs", "4", "--max-model-len", "2048", model=model)
    said = "".join(server.lines)
    weights = int(re.search(r"(\d+) MiB of weights", said).group(1))
    pool = re.search(r"KV pool: (\d+) blocks of 32 tokens, (\d+) MiB", said)
    assert planned["fits"]
    assert abs(planned["weights_bytes"] / 2**20 - weights) <= max(1, 0.02 * weights)
    assert planned["kv_blocks"] == int(pool.group(1)) == 4 * 2048 // 32
    assert abs(planned["kv_bytes"] / 2**20 - int(pool.group(2))) <= max(1, 0.02 * int(pool.group(2)))


def test_what_the_process_takes_is_within_the_plan(start_server):
    planned = plan(MODEL, "--users", "2", "--context", "2048")
    server = start_server("--max-num-seqs", "2", "--max-model-len", "2048")
    story = "The sea is wide and old. " * 250
    for _ in range(2):
        server.client().completions.create(model=server.model, prompt=story, max_tokens=200, extra_body={"ignore_eos": True}, n=2)
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    anonymous = int(re.search(r"RssAnon:\s+(\d+)", status).group(1)) * 1024
    assert anonymous <= planned["total_bytes"], f"{anonymous >> 20} MiB of {planned['total_bytes'] >> 20} planned"


def test_a_published_model_is_planned_without_its_files():
    seven = plan("Qwen/Qwen2.5-7B-Instruct", "--card", "a10", "--users", "8", "--context", "4096")
    assert abs(seven["weights_bytes"] - 15.23e9) < 0.02e9  # 7.6156 B parameters of two bytes
    assert seven["kv_bytes_per_token"] == 57344  # 28 layers x 2 x 4 heads x 128 x 2 bytes
    assert seven["fits"] and seven["full_length_users"] >= 8
    long = plan("Qwen/Qwen2.5-7B-Instruct", "--card", "h200", "--context", "131072")  # YaRN, as serve does
    assert long["fits"] and long["context"] == 131072
    more = plan("Qwen/Qwen2.5-7B-Instruct", "--card", "a10", "--users", "64", "--context", "32k")
    assert not more["fits"] and more["full_length_users"] < 64 and more["largest_context"] < 32000
    assert "memory" in more["breaks_first"]
    halved = plan("Qwen/Qwen2.5-7B-Instruct", "--card", "a10", "--kv-cache-dtype", "fp8")
    assert halved["kv_bytes_per_token"] * 2 == seven["kv_bytes_per_token"]
    big = plan("Qwen/Qwen2.5-72B-Instruct", "--card", "4090")
    assert not big["fits"] and big["full_length_users"] == 0 and "weights" in big["breaks_first"]


def test_floors_are_arithmetic():
    report = plan("Qwen/Qwen2.5-7B-Instruct", "--card", "4090d", "--context", "32k", "--users", "4")["floors"]
    assert report["decode_one"]["bytes"] > 14e9
    assert report["decode_one"]["seconds"] == pytest.approx(report["decode_one"]["bytes"] / 1008e9, rel=1e-6)
    assert report["prefill"]["seconds"] == pytest.approx(report["prefill"]["operations"] / 147.1e12, rel=1e-6)
    assert report["prefill"]["operations"] > 2 * 6.5e9 * 32000  # each parameter of the layers once a token, and attention
    assert report["decode_all"]["bytes"] > report["decode_one"]["bytes"]


def test_published_shapes_equal_the_files():
    """The catalogue's files, where they are here, take what their names promise."""
    here = json.loads(subprocess.run([BIN, "models", "--json"], capture_output=True, text=True, check=True).stdout)
    checked = 0
    for entry in here["catalogue"]:
        if entry["path"] is None or "qwen" not in entry["name"]:
            continue
        by_file = plan(entry["path"], "--card", "h200")
        by_name = plan(f"not-here/{entry['name']}:{entry['quantisation']}", "--card", "h200")
        assert by_name["weights_bytes"] == pytest.approx(by_file["weights_bytes"], rel=0.02)
        assert by_name["kv_bytes_per_token"] == by_file["kv_bytes_per_token"]
        checked += 1
    if checked == 0:
        pytest.skip("no Qwen2.5 model of the catalogue is on this machine")


@pytest.mark.parametrize("arguments, words", [
    ([MODEL, "--card", "a11"], "a10"), ([MODEL, "--context", "nine"], "--context"), ([MODEL, "--context", "9000000"], "8192"),
    ([MODEL, "--users", "0"], "users")])
def test_refusals(arguments, words):
    done = subprocess.run([BIN, "plan", *arguments], capture_output=True, text=True)
    assert done.returncode == 2 and words in done.stderr


def test_it_reads_well():
    text = subprocess.run([BIN, "plan", MODEL, "--users", "4"], capture_output=True, text=True, check=True).stdout
    for word in ("weights", "KV per token", "fits", "breaks first", "first token", "each token"):
        assert re.search(rf"^{word}", text, re.M), word
