"""Routes, headers and everything that a client can get wrong: no status of 500 and above, always the same shape."""
import itertools
import json
import random
import socket

import httpx
import pytest


def get(server, path, **options):
    return httpx.get(server.url + path, **options)


def test_probes(server):
    for path in ("/health", "/ready", "/ping"):
        reply = get(server, path)
        assert reply.status_code == 200 and reply.content == b""
    assert get(server, "/version").json()["version"]
    assert get(server, "/load").json()["server_load"] >= 0


def test_model_cards(server):
    listed = get(server, "/v1/models").json()
    assert listed["object"] == "list"
    card = listed["data"][0]
    assert card["object"] == "model" and card["max_model_len"] > 0 and card["permission"][0]["allow_sampling"]
    quoted = card["id"].replace("/", "%2F")
    assert get(server, f"/v1/models/{quoted}").json()["id"] == card["id"]
    assert get(server, "/v1/models/other").json()["error"]["type"] == "NotFoundError"


def test_page_has_a_strict_policy(server):
    reply = get(server, "/")
    assert reply.status_code == 200
    assert "default-src 'self'" in reply.headers["content-security-policy"]
    assert "script-src" not in reply.headers["content-security-policy"]
    assert reply.headers["x-content-type-options"] == "nosniff"
    again = get(server, "/", headers={"If-None-Match": reply.headers["etag"]})
    assert again.status_code == 304 and again.content == b""


def test_no_origin_is_let_in(server):
    reply = get(server, "/v1/models", headers={"Origin": "http://evil.example"})
    assert "access-control-allow-origin" not in reply.headers
    preflight = httpx.options(server.url + "/v1/chat/completions", headers={
        "Origin": "http://evil.example", "Access-Control-Request-Method": "POST"})
    assert preflight.status_code == 204 and "access-control-allow-origin" not in preflight.headers
    # what a foreign page could send without asking
    plain = httpx.post(server.url + "/v1/chat/completions", content='{"messages":[]}',
                       headers={"Content-Type": "text/plain"})
    assert plain.status_code == 400 and "application/json" in plain.json()["error"]["message"]


def test_request_ids(server):
    assert get(server, "/health", headers={"X-Request-Id": "abc-1"}).headers["x-request-id"] == "abc-1"
    made = get(server, "/health", headers={"X-Request-Id": "a b\tc"}).headers["x-request-id"]
    assert len(made) == 32


def test_methods(server):
    reply = httpx.get(server.url + "/v1/chat/completions")
    assert reply.status_code == 405 and "POST" in reply.headers["allow"]
    assert httpx.delete(server.url + "/health").status_code == 405
    assert httpx.head(server.url + "/v1/models").status_code == 200
    reply = get(server, "/nowhere")
    assert reply.status_code == 404 and reply.json()["error"]["type"] == "Not Found"
    for path in ("/../etc/passwd", "/%2e%2e/etc/passwd", "/v1/models/../../x", "//", "/v1/"):
        assert get(server, path).status_code in (400, 404)


def check_refused(reply):
    assert 400 <= reply.status_code < 500, (reply.status_code, reply.text[:200])
    error = reply.json()["error"]
    assert error["message"] and error["type"] and error["code"] == reply.status_code and "param" in error


def bad_bodies():
    """A few hundred bodies that cannot be, from a seeded generator."""
    good = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 1}
    wrong = [-1, 0, 1.5, 1e308, -1e308, 2**63, -2**63 - 1, 2**64, "1", "", True, [], {}, [[]], [None], {"a": 1},
             "x" * 10000, [1, "a"]]
    fields = ["messages", "model", "temperature", "top_p", "top_k", "min_p", "repetition_penalty", "presence_penalty",
              "frequency_penalty", "seed", "max_tokens", "n", "stop", "stop_token_ids", "stream", "stream_options",
              "logprobs", "top_logprobs", "tools", "tool_choice", "chat_template_kwargs", "logit_bias", "min_tokens",
              "response_format", "ignore_eos", "add_generation_prompt", "continue_final_message"]
    for field, value in itertools.product(fields, wrong):
        yield json.dumps({**good, field: value})
    text = json.dumps(good)
    for i in range(0, len(text)):
        yield text[:i]
    source = random.Random(5)
    for _ in range(100):
        broken = list(text)
        for _ in range(source.randrange(1, 5)):
            broken[source.randrange(text.index(', "max_tokens"'))] = chr(source.randrange(32, 127))
        yield "".join(broken)
    for deep in (100, 10_000, 1_000_000):
        yield '{"messages":' + "[" * deep
        yield '{"messages":' + "[" * deep + "]" * deep + "}"
    for number in ("NaN", "Infinity", "1e999", "0x1", "01", "+1", ".5"):
        yield text[:-2] + number + "}"


def test_no_body_makes_it_fail(server):
    answered = refused = 0
    with httpx.Client(base_url=server.url, headers={"Content-Type": "application/json"}, timeout=60) as client:
        for path in ("/v1/chat/completions", "/v1/completions"):
            for body in bad_bodies():
                if path == "/v1/completions":
                    body = body.replace('"messages": [{"role": "user", "content": "hi"}]', '"prompt": "hi"')
                reply = client.post(path, content=body.encode())
                if reply.status_code == 200:
                    answered += 1  # a value that happens to be fine
                else:
                    refused += 1
                    check_refused(reply)
    assert refused > 600 and answered > 50
    assert server.wait_idle() < 5


@pytest.mark.parametrize("body", [b"\xff\xfe", b"\x00" * 100, "ÿ".encode("latin-1"), b'{"prompt":"\xc3"}', b"\xef\xbb\xbf{}"])
def test_bytes_that_are_not_text(server, body):
    check_refused(httpx.post(server.url + "/v1/completions", content=body, headers={"Content-Type": "application/json"}))


def test_images_are_refused_by_name(server):
    for url in ("http://127.0.0.1/x.png", "file:///etc/passwd"):
        reply = httpx.post(server.url + "/v1/chat/completions", json={"messages": [
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]})
        check_refused(reply)
        assert "image_url" in reply.json()["error"]["message"]


def raw(server, data, patience=20):
    with socket.create_connection(("127.0.0.1", server.port), timeout=patience) as connection:
        connection.sendall(data)
        seen = b""
        try:
            while piece := connection.recv(65536):
                seen += piece
        except ConnectionResetError:
            pass
        return seen


@pytest.mark.parametrize("status, data", [
    (431, b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * (1 << 20) + b"\r\n\r\n"),
    (414, b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"),
    (413, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n" + b"a" * 9000000),
    (400, b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\nab\r\n0\r\n\r\n"),
    (400, b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03\r\n\r\n"),
    (408, b"GET / HTTP/1.1\r\nHost: x\r\n"),
])
def test_limits_of_http(server, status, data):
    seen = raw(server, data)
    assert seen.startswith(b"HTTP/1.1 %d " % status), seen[:200]
    body = json.loads(seen.split(b"\r\n\r\n", 1)[1])
    assert body["error"]["code"] == status
