"""What requests share and fight for: the prefix cache, the KV pool, the steps. None of it may be seen in an answer."""
import concurrent.futures
import json
import re
import subprocess
import time

import httpx

from conftest import BIN, MODEL


def complete(server, prompt, max_tokens=24, **fields):
    body = {"model": server.model, "prompt": prompt, "max_tokens": max_tokens, "temperature": 0, **fields}
    reply = httpx.post(f"{server.url}/v1/completions", json=body, timeout=300)
    assert reply.status_code == 200, reply.text
    return reply.json()["choices"][0]["text"]


def first_event_s(server, prompt):
    """Seconds to the first token."""
    body = {"model": server.model, "prompt": prompt, "max_tokens": 2, "stream": True, "temperature": 0}
    begin = time.monotonic()
    with httpx.stream("POST", f"{server.url}/v1/completions", json=body, timeout=300) as reply:
        came = [time.monotonic() - begin for line in reply.iter_lines() if line.startswith("data: {")]
    return came[0]


def long_ids(count, seed):
    return [1000 + (i * 7919 + seed * 104729) % 30000 for i in range(count)]


def test_a_shared_beginning_is_not_computed_again(server):
    shared = long_ids(4096, 1)
    cold = first_event_s(server, shared + [1100] * 20)
    warm = min(first_event_s(server, shared + [1200 + i] * 20) for i in range(3))
    assert warm < 0.3 * cold  # a quiet machine gives 0.04


def test_found_and_computed_beginnings_give_one_answer(server):
    prompt = long_ids(300, 2)
    first = complete(server, prompt)
    assert [complete(server, prompt) for _ in range(3)] == [first] * 3
    assert complete(server, prompt, cache_salt="apart") == first


def test_a_pool_too_small_for_all_serves_all(start_server):
    """Ten answers that together need three times the pool: each is what it is alone."""
    server = start_server("--max-model-len", "512", "--kv-cache-memory-bytes", "25M")
    prompts = [long_ids(60 + 20 * i, 3 + i) for i in range(10)]

    def ask(prompt):
        return complete(server, prompt, max_tokens=200, ignore_eos=True)
    alone = [ask(prompt) for prompt in prompts]
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        assert list(pool.map(ask, prompts)) == alone
    server.wait_idle()
    assert server.load()["kv_blocks_used"] == 0


def test_a_long_prompt_does_not_stop_the_short_chats(start_server):
    """Beside a prompt of 6,000 tokens a stream goes on: README of src/engine states the bound, a quarter of a
    second a step on a machine that is not shared; here a loaded one may take four times that."""
    server = start_server()
    gaps = []
    body = {"model": server.model, "prompt": "Once", "max_tokens": 300, "stream": True, "ignore_eos": True}
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        with httpx.stream("POST", f"{server.url}/v1/completions", json=body, timeout=300) as reply:
            last, long_prompt = None, None
            for line in reply.iter_lines():
                if not line.startswith("data: {"):
                    continue
                now = time.monotonic()
                if long_prompt is None:
                    long_prompt = pool.submit(complete, server, long_ids(6000, 40), 1)
                elif not long_prompt.done():
                    gaps.append(now - last)
                last = now
        assert long_prompt.result() is not None
    assert len(gaps) > 10 and max(gaps) < 1.0, (len(gaps), max(gaps))


def test_yarn_only_where_it_is_needed(start_server):
    plain = start_server()
    long = start_server("--max-model-len", "16384")
    declared = httpx.get(f"{plain.url}/v1/models").json()["data"][0]["max_model_len"]
    assert declared == 8192
    assert httpx.get(f"{long.url}/v1/models").json()["data"][0]["max_model_len"] == 16384
    assert re.search(r"declares 8192 tokens of context.*YaRN x 2", "".join(long.lines))
    short = long_ids(200, 5)
    assert complete(long, short) == complete(plain, short)
    assert complete(long, short, max_tokens=None, stop=["\n"]) == complete(plain, short, max_tokens=None, stop=["\n"])
    body = {"model": long.model, "prompt": long_ids(8500, 6), "max_tokens": 3, "temperature": 0}
    reply = httpx.post(f"{long.url}/v1/completions", json=body, timeout=300)
    assert reply.status_code == 200 and json.loads(reply.text)["usage"]["prompt_tokens"] == 8500


def test_more_than_yarn_reaches_is_refused():
    done = subprocess.run([BIN, "serve", MODEL, "--port", "0", "--max-model-len", "40000"], capture_output=True,
                          text=True, timeout=120)
    assert done.returncode != 0 and "32768" in done.stderr and "--max-model-len" in done.stderr
