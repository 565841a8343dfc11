"""Requests that nobody should send: the server refuses them in OpenAI's shape and goes on.

ATELIER_HOSTILE_REQUESTS (default 10000) generated requests, from ATELIER_HOSTILE_SEED (default 1): the same seed
sends the same bytes.
"""
import concurrent.futures
import copy
import json
import os
import random

import httpx
import pytest

REQUESTS = int(os.environ.get("ATELIER_HOSTILE_REQUESTS", "10000"))
SEED = int(os.environ.get("ATELIER_HOSTILE_SEED", "1"))
CLIENTS = 4

MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
TOOLS = [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}}]
SAMPLING = {
    "max_tokens": 1, "temperature": 0.7, "top_p": 0.9, "top_k": 20, "min_p": 0.1, "repetition_penalty": 1.1,
    "presence_penalty": 0.5, "frequency_penalty": 0.5, "seed": 3, "n": 1, "stop": ["###"], "stop_token_ids": [5],
    "logit_bias": {"5": 1}, "allowed_token_ids": [5, 6, 7], "bad_words": ["no"], "min_tokens": 0, "stream": False,
    "ignore_eos": True, "skip_special_tokens": True, "include_stop_str_in_output": False, "priority": 0,
    "cache_salt": "s", "request_id": "r", "return_token_ids": True, "truncate_prompt_tokens": 8,
    "length_penalty": 1.0, "use_beam_search": False, "prompt_logprobs": 1}
BODIES = {
    "/v1/chat/completions": {"messages": MESSAGES, "tools": TOOLS, "logprobs": True, "top_logprobs": 2, **SAMPLING},
    "/v1/completions": {"prompt": "Hi", "echo": True, "logprobs": 2, "best_of": 1, **SAMPLING},
    "/tokenize": {"prompt": "Hi", "add_special_tokens": True, "return_token_strs": True},
    "/detokenize": {"tokens": [1, 2, 3]},
    "/generate": {"prompt": "Hi", "max_new_tokens": 1, **SAMPLING},
    "/v1/messages": {"model": "m", "max_tokens": 1, "system": "Be brief.", "messages": MESSAGES[1:], "temperature": 0.5,
                     "stop_sequences": ["#"], "top_k": 3, "stream": False, "metadata": {"user_id": "u"}},
    "/v1/messages/count_tokens": {"model": "m", "messages": MESSAGES[1:], "system": "Be brief."},
    "/v1/responses": {"input": "Hi", "max_output_tokens": 1, "instructions": "Be brief.", "store": False, "temperature": 0.5,
                      "stream": False, "previous_response_id": None}}

# What a value may be replaced by: each type, and the edges of each.
VALUES = [None, True, False, 0, 1, -1, 2, 0.5, -0.5, 1e308, -1e308, 5e-324, 2**31, -2**31 - 1, 2**53 + 1, 2**63, -2**63,
          2**64, 10**30, "", "a", "1", "\u0000", "\ud83d\ude00", "x" * 5000, [], {}, [[]], [{}], [None], [1, "a"], {"": 1},
          {"type": "text"}, [[1, 2], [3]], [-1], [2**40], {"5": None}, {"role": "user"}, [{"role": "user", "content": 5}],
          [{"role": "king", "content": "a"}], "stop", ["a"] * 40, list(range(3000)), float("nan"), float("inf")]
ROUTES = list(BODIES)


@pytest.fixture(scope="module")
def small_server():
    """What is accepted by chance is over soon: the context ends any answer."""
    from conftest import Server
    running = Server("--max-model-len", "96")
    yield running
    assert running.process.poll() is None, "the server died:\n" + "".join(running.lines[-50:])
    assert running.stop() == 0


def check_refusal(status, text, sent):
    shown = f"{status} {text[:300]!r} to {sent!r}"
    assert 400 <= status < 500, shown
    body = json.loads(text)
    error = body["error"]
    assert isinstance(error["message"], str) and error["message"], shown
    assert isinstance(error["type"], str) and error["type"], shown
    if body.get("type") == "error":
        return  # Anthropic's shape has no more
    assert error["param"] is None or isinstance(error["param"], str), shown
    assert error["code"] == status, shown


def check(reply, sent):
    """True: the request was taken, and answered well."""
    if reply.status_code != 200:
        check_refusal(reply.status_code, reply.text, sent)
        return False
    if reply.request.url.path in ("/v1/chat/completions", "/v1/completions") and "event-stream" in reply.headers["content-type"]:
        for line in reply.text.splitlines():
            if line.startswith("data: {") and "error" in json.loads(line[6:]):
                check_refusal(json.loads(line[6:])["error"]["code"], line[6:], sent)
        assert reply.text.endswith("data: [DONE]\n\n"), sent
    elif reply.headers["content-type"] == "application/json":
        reply.json()
    else:
        assert reply.text.endswith("\n"), sent  # a stream of events or lines, not broken off
    return True


# ---- every numeric field x the edges of what JSON can say

NUMBERS = ["-1", "0", "1", "2", "-0.0", "0.5", "1.5", "1e308", "-1e308", "1e-320", "1e400", "NaN", "Infinity", "-Infinity",
           "2147483647", "2147483648", "4294967296", "9007199254740993", "9223372036854775807", "-9223372036854775808",
           "18446744073709551616", "1" * 400, "\"1\"", "null", "true", "[1]"]
SHARED = ["temperature", "top_p", "top_k", "min_p", "repetition_penalty", "presence_penalty", "frequency_penalty", "seed",
          "n", "max_tokens", "min_tokens", "prompt_logprobs", "truncate_prompt_tokens", "length_penalty", "priority",
          "stop_token_ids", "logit_bias", "allowed_token_ids"]
NUMERIC = {"/v1/chat/completions": SHARED + ["max_completion_tokens", "top_logprobs"],
           "/v1/completions": SHARED + ["max_new_tokens", "logprobs", "best_of", "prompt"]}


@pytest.mark.parametrize("path", list(NUMERIC))
def test_edge_numbers(small_server, path):
    need = {"/v1/chat/completions": {"messages": MESSAGES, "logprobs": True}, "/v1/completions": {"prompt": "Hi"}}[path]
    wrappers = {"stop_token_ids": "[%s]", "allowed_token_ids": "[%s]", "logit_bias": '{"5": %s}', "prompt": "[%s]"}
    taken = refused = 0
    with httpx.Client(base_url=small_server.url, timeout=60) as client:
        for field in NUMERIC[path]:
            for number in NUMBERS:
                body = {"max_tokens": 2, **need}
                body.pop(field, None)
                value = wrappers.get(field, "%s") % number
                raw = json.dumps(body)[:-1] + f', "{field}": {value}}}'
                reply = client.post(path, content=raw, headers={"Content-Type": "application/json"})
                if check(reply, raw):
                    taken += 1
                else:
                    refused += 1
    assert taken > 50 and refused > 200, (taken, refused)


# ---- generated bad requests

def mutated_bytes(pick, body):
    """A body whose bytes are cut, doubled, changed or made deep."""
    raw = bytearray(json.dumps(body).encode())
    for _ in range(pick.randint(1, 4)):
        at = pick.randrange(len(raw)) if raw else 0
        how = pick.randrange(6)
        if how == 0:
            del raw[at:]
        elif how == 1 and raw:
            raw[at] = pick.randrange(256)
        elif how == 2:
            raw[at:at] = bytes(pick.randrange(256) for _ in range(pick.randint(1, 8)))
        elif how == 3:
            del raw[at:at + pick.randint(1, 12)]
        elif how == 4:
            raw[at:at] = pick.choice([b"[", b"{", b"]", b"}", b'"', b",", b":", b"null", b"\\u", b"\\ud800", b"\xff\xfe"])
        else:
            raw[at:at] = pick.choice([b"[", b'{"a":']) * pick.choice([10, 100, 3000])
    return bytes(raw)


def places(value, path=()):
    """The way to everything in a body."""
    yield path
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in members:
        yield from places(inner, (*path, name))


def replaced(pick, body):
    """A body with one to three values replaced, dropped or added."""
    body = copy.deepcopy(body)
    for _ in range(pick.choice([1, 1, 1, 2, 3])):
        ways = [way for way in places(body) if way]
        if not ways:
            return body
        *way, last = pick.choice(ways)
        holder = body
        for name in way:
            holder = holder[name]
        how = pick.randrange(8)
        if how == 0:
            del holder[last]
        elif how == 1 and isinstance(holder, dict):
            holder[pick.choice(["unknown", "", "role", "type", "messages", "prompt"])] = copy.deepcopy(pick.choice(VALUES))
        else:
            holder[last] = copy.deepcopy(pick.choice(VALUES))
    return body


def smaller(pick, body):
    """Only some of the fields: what one forbids does not hide what another does."""
    needed = {"messages", "prompt", "tokens", "input", "max_tokens", "max_output_tokens"}
    return {name: value for name, value in body.items() if name in needed or pick.random() < 0.2}


def generated(pick):
    """(path, bytes, headers)"""
    path = pick.choice(ROUTES)
    body = smaller(pick, BODIES[path])
    kind = pick.randrange(10)
    headers = {"Content-Type": "application/json"}
    if kind < 3:
        return path, mutated_bytes(pick, body), headers
    if kind == 3:
        return path, json.dumps(pick.choice(VALUES)).encode(), headers
    if kind == 4:
        other = pick.choice(ROUTES)
        return path, json.dumps(BODIES[other]).encode(), headers
    if kind == 5:
        headers["Content-Type"] = pick.choice(["text/plain", "application/x-www-form-urlencoded", "application/jsonx", "a" * 200])
        return path + pick.choice(["", "/", "x", "?a=b", "%00"]), json.dumps(body).encode(), headers
    return path, json.dumps(replaced(pick, body)).encode(), headers


def send_many(url, seed, count):
    pick = random.Random(seed)
    taken = 0
    with httpx.Client(base_url=url, timeout=60) as client:
        for _ in range(count):
            path, raw, headers = generated(pick)
            taken += check(client.post(path, content=raw, headers=headers), (path, raw[:2000]))
    return taken


def test_generated_bad_requests(small_server):
    each = REQUESTS // CLIENTS
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        made = [pool.submit(send_many, small_server.url, SEED * CLIENTS + i, each) for i in range(CLIENTS)]
        taken = sum(one.result() for one in made)
    assert taken < REQUESTS / 2, "too many were good: the generator has lost its edge"
    small_server.wait_idle()
    reply = httpx.post(f"{small_server.url}/v1/completions", json={"prompt": "1, 2, 3,", "max_tokens": 4, "temperature": 0})
    assert reply.status_code == 200 and reply.json()["usage"]["completion_tokens"] == 4
