"""Keys, limits per minute, and pages of other origins: nobody gets further than the server was told."""
import concurrent.futures

import httpx
import openai
import pytest

from conftest import MODEL

QUESTION = [{"role": "user", "content": "Say hello."}]
BODY = {"messages": QUESTION, "max_tokens": 4}


@pytest.fixture(scope="module")
def keyed():
    from conftest import Server
    running = Server("--api-key", "alpha", "--api-key", "beta", key="alpha")
    yield running
    assert running.stop() == 0


def test_everything_needs_a_key_but_probes_and_the_page(keyed):
    for path in ("/health", "/ping", "/ready", "/version", "/", "/app.js", "/app.css"):
        assert httpx.get(keyed.url + path).status_code == 200, path
    closed = [("GET", "/v1/models"), ("GET", "/load"), ("GET", "/metrics"), ("GET", "/nowhere"), ("POST", "/tokenize"),
              ("POST", "/detokenize"), ("POST", "/v1/completions"), ("POST", "/v1/chat/completions"), ("DELETE", "/x")]
    for method, path in closed:
        reply = httpx.request(method, keyed.url + path)
        assert reply.status_code == 401, (method, path)
        assert reply.json()["error"]["code"] == "invalid_api_key"
        assert reply.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("headers, status", [
    ({"Authorization": "Bearer alpha"}, 200), ({"Authorization": "Bearer beta"}, 200), ({"x-api-key": "beta"}, 200),
    ({"Authorization": "bearer alpha"}, 200), ({"Authorization": "Bearer gamma"}, 401),
    ({"Authorization": "Bearer alph"}, 401), ({"Authorization": "Bearer alphaa"}, 401),
    ({"Authorization": "Basic alpha"}, 401), ({"Authorization": "alpha"}, 401), ({"x-api-key": ""}, 401)])
def test_carriers(keyed, headers, status):
    assert httpx.get(keyed.url + "/v1/models", headers=headers).status_code == status


def test_openai_client_with_and_without(keyed):
    assert keyed.client().chat.completions.create(model=keyed.model, **BODY).usage.completion_tokens > 0
    with pytest.raises(openai.AuthenticationError):
        keyed.client(api_key="wrong").chat.completions.create(model=keyed.model, **BODY)


def test_anthropics_routes_refuse_in_their_own_shape(keyed):
    reply = httpx.post(keyed.url + "/v1/messages", json={"max_tokens": 4, "messages": QUESTION})
    assert reply.status_code == 401
    assert reply.json()["type"] == "error" and reply.json()["error"]["type"] == "authentication_error"
    reply = httpx.post(keyed.url + "/v1/messages", headers={"x-api-key": "alpha"}, timeout=60,
                       json={"model": keyed.model, "max_tokens": 4, "messages": QUESTION})
    assert reply.status_code == 200 and reply.json()["type"] == "message"


def test_keys_are_never_logged(keyed):
    httpx.get(keyed.url + "/v1/models", headers={"Authorization": "Bearer tell-nobody"})
    assert not any("alpha" in line or "tell-nobody" in line for line in keyed.lines)


def test_key_from_the_environment(start_server):
    server = start_server(key="from-environment", environment={"ATELIER_API_KEY": "from-environment"})
    assert httpx.get(server.url + "/v1/models").status_code == 401


# ---- limits

def test_requests_per_minute_are_counted_by_key(start_server):
    server = start_server("--api-key", "a", "--api-key", "b", "--limit-requests-per-min", "3", key="a")
    client = server.client().chat.completions
    for left in (2, 1, 0):
        reply = client.with_raw_response.create(model=server.model, **BODY)
        assert reply.headers["x-ratelimit-limit-requests"] == "3"
        assert reply.headers["x-ratelimit-remaining-requests"] == str(left)
    with pytest.raises(openai.RateLimitError) as refused:
        client.create(model=server.model, **BODY)
    error, headers = refused.value, refused.value.response.headers
    assert error.code == "rate_limit_exceeded" and error.type == "rate_limit_error"
    assert 1 <= int(headers["retry-after"]) <= 20
    assert headers["x-ratelimit-remaining-requests"] == "0" and headers["x-ratelimit-reset-requests"]
    # somebody else, and what is not counted
    assert server.client(api_key="b").chat.completions.create(model=server.model, **BODY)
    assert server.get("/v1/models").status_code == 200


def test_tokens_per_minute_are_prompt_and_output(start_server):
    server = start_server("--limit-tokens-per-min", "120", "--limit-requests-per-min", "1000")
    client = server.client().chat.completions
    used = 0
    for _ in range(20):
        try:
            reply = client.with_raw_response.create(model=server.model, messages=QUESTION, max_tokens=8, stream=False)
        except openai.RateLimitError as refused:
            assert "tokens per minute" in refused.message
            assert refused.response.headers["x-ratelimit-remaining-tokens"] == "0"
            break
        assert {"x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens",
                "x-ratelimit-limit-requests", "x-ratelimit-remaining-requests",
                "x-ratelimit-reset-requests"} <= set(reply.headers)
        used += reply.parse().usage.total_tokens
    else:
        pytest.fail("never refused")
    assert used >= 120


def test_a_limit_holds_for_requests_at_once(start_server):
    server = start_server("--limit-requests-per-min", "5")
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        replies = list(pool.map(lambda _: httpx.post(server.url + "/v1/chat/completions", json=BODY, timeout=60), range(20)))
    codes = [reply.status_code for reply in replies]
    # a place comes free every 12 s; the runs themselves take a moment
    assert 5 <= codes.count(200) <= 7 and codes.count(200) + codes.count(429) == 20


# ---- other origins

def test_origins(start_server):
    server = start_server("--api-key", "k", "--allowed-origins", '["https://a.example"]', "--allowed-headers", '["*"]', key="k")
    ask = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    preflight = httpx.options(server.url + "/v1/chat/completions", headers={"Origin": "https://a.example", **ask})
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == "https://a.example"
    assert "POST" in preflight.headers["access-control-allow-methods"]
    assert preflight.headers["access-control-allow-headers"] == "authorization,content-type"
    foreign = httpx.options(server.url + "/v1/chat/completions", headers={"Origin": "https://b.example", **ask})
    assert "access-control-allow-origin" not in foreign.headers
    answer = httpx.post(server.url + "/v1/chat/completions", json=BODY, timeout=60,
                        headers={"Origin": "https://a.example", "Authorization": "Bearer k"})
    assert answer.status_code == 200 and answer.headers["access-control-allow-origin"] == "https://a.example"
    # an answer of 401 can be read by the page, too
    assert "access-control-allow-origin" in httpx.get(server.url + "/v1/models", headers={"Origin": "https://a.example"}).headers
