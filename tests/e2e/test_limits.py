"""Each number that a client can give has a limit: at it the server answers, one above it refuses, naming the limit.

The limits are those of the design. Where the code differs: `n` of
beam search and `best_of` may be 20, as OpenAI's; a request that asks more at once is bounded by prompts x best_of 128.
"""
import json
import socket

import httpx
import pytest

QUESTION = [{"role": "user", "content": "hi"}]
CHAT, COMPLETIONS = "/v1/chat/completions", "/v1/completions"
CHEAP = {"max_tokens": 1, "temperature": 0}


def nested(depth):
    """A body whose deepest value lies `depth` brackets deep: metadata is known to have no effect."""
    text = json.dumps({"messages": QUESTION, **CHEAP})
    return text[:-1] + ', "metadata": ' + "[" * (depth - 1) + "]" * (depth - 1) + "}"


def tools(count):
    return [{"type": "function", "function": {"name": f"f{i}", "parameters": {}}} for i in range(count)]


# field, path, a function from a count to the body, the limit, what the refusal must say beside it
LIMITS = [
    ("messages", CHAT, lambda n: {"messages": QUESTION * n}, 1024),
    ("n", CHAT, lambda n: {"messages": QUESTION, "n": n}, 8),
    ("top_logprobs", CHAT, lambda n: {"messages": QUESTION, "logprobs": True, "top_logprobs": n}, 20),
    ("logprobs", COMPLETIONS, lambda n: {"prompt": "a", "logprobs": n}, 20),
    ("prompt_logprobs", COMPLETIONS, lambda n: {"prompt": "a b", "prompt_logprobs": n}, 20),
    ("stop", CHAT, lambda n: {"messages": QUESTION, "stop": [f"never {i}" for i in range(n)]}, 16),
    ("stop", CHAT, lambda n: {"messages": QUESTION, "stop": "x" * n}, 4096),
    ("stop_token_ids", CHAT, lambda n: {"messages": QUESTION, "stop_token_ids": list(range(100, 100 + n))}, 256),
    ("logit_bias", CHAT, lambda n: {"messages": QUESTION, "logit_bias": {str(i): 1 for i in range(n)}}, 1024),
    ("tools", CHAT, lambda n: {"messages": QUESTION, "tools": tools(n)}, 128),
    ("prompt", COMPLETIONS, lambda n: {"prompt": ["a"] * n}, 128),
    ("best_of", COMPLETIONS, lambda n: {"prompt": "a", "best_of": n}, 20),
    ("bad_words", CHAT, lambda n: {"messages": QUESTION, "bad_words": [f"word{i}" for i in range(n)]}, 1024),
    ("cache_salt", CHAT, lambda n: {"messages": QUESTION, "cache_salt": "s" * n}, 1024),
    ("request_id", CHAT, lambda n: {"messages": QUESTION, "request_id": "r" * n}, 128),
]


@pytest.mark.parametrize("field, path, body, limit", LIMITS, ids=[f"{entry[0]}-{entry[3]}" for entry in LIMITS])
def test_at_the_limit_and_one_above(server, field, path, body, limit):
    taken = httpx.post(server.url + path, json={**CHEAP, **body(limit)}, timeout=120)
    assert taken.status_code == 200 or "context length" in taken.json()["error"]["message"], taken.text[:300]
    refused = httpx.post(server.url + path, json={**CHEAP, **body(limit + 1)}, timeout=120)
    error = refused.json()["error"]
    # top_logprobs may be told as logprobs: --max-logprobs bounds both
    assert refused.status_code == 400 and error["param"] in (field, field.removeprefix("top_")), error
    assert str(limit) in error["message"] or f"{limit:,}" in error["message"], error


def test_depth_of_json(server):
    headers = {"Content-Type": "application/json"}
    assert httpx.post(server.url + CHAT, content=nested(64), headers=headers, timeout=60).status_code == 200
    refused = httpx.post(server.url + CHAT, content=nested(65), headers=headers)
    assert refused.status_code == 400 and "64" in refused.json()["error"]["message"], refused.text


def status_of(server, data):
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(data)
        return int(connection.recv(65536).split()[1])


def get(target, filling):
    return f"GET {target} HTTP/1.1\r\nHost: x\r\nX-Filling: ".encode() + b"a" * filling + b"\r\n\r\n"


def test_bytes_of_a_header(server):
    rest = len(get("/health", 0))
    assert status_of(server, get("/health", (16 << 10) - rest)) == 200
    assert status_of(server, get("/health", (16 << 10) - rest + 64)) == 431


def test_bytes_of_a_url(server):
    limit = 8 << 10
    for path in ("/health?", "/health?x="):
        assert status_of(server, get(path + "a" * (limit - len(path)), 1)) == 200
        assert status_of(server, get(path + "a" * (limit - len(path) + 1), 1)) == 414


def test_bytes_of_a_body(server):
    limit, beginning = 8 << 20, b'{"prompt": "a", "max_tokens": 1'
    headers = {"Content-Type": "application/json"}
    filled = beginning + b" " * (limit - len(beginning) - 1) + b"}"
    assert httpx.post(server.url + COMPLETIONS, content=filled, headers=headers, timeout=60).status_code == 200
    refused = httpx.post(server.url + COMPLETIONS, content=filled + b" ", headers=headers, timeout=60)
    assert refused.status_code == 413 and str(limit) in refused.json()["error"]["message"]


def own_address():
    """An address of this machine beside the loopback, or None."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # no packet is sent: it only chooses where one would leave
            address = probe.getsockname()[0]
        except OSError:
            return None
    return None if address.startswith("127.") else address


def open_until_refused(address, port, most):
    """Connections that answer a probe, until one is closed or `most` are open."""
    kept = []
    for _ in range(most):
        connection = socket.create_connection((address, port), timeout=10)
        kept.append(connection)
        try:
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            if not connection.recv(4096):
                break
        except ConnectionError:
            break
    answered = len(kept) - (len(kept) < most)
    for connection in kept:
        connection.close()
    return answered


def test_connections_of_an_address(start_server):
    address = own_address()
    if address is None:
        pytest.skip("this machine has no address beside the loopback")
    server = start_server("--host", "0.0.0.0", "--max-model-len", "256")
    assert open_until_refused(address, server.port, 300) == 256
    assert open_until_refused("127.0.0.1", server.port, 300) == 300  # the loopback is exempt
