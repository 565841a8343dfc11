"""/openapi.json and /docs: a valid document, true to what the routes do, and its page in a real browser."""
import os
import shutil

import httpx
import jsonschema
import openapi_spec_validator
import pytest

MESSAGES = [{"role": "user", "content": "Say hello."}]
# For every route with a body: one that is answered.
BODIES = {
    "/v1/chat/completions": {"messages": MESSAGES, "max_tokens": 2, "logprobs": True, "top_logprobs": 2},
    "/v1/completions": {"prompt": "hello", "max_tokens": 2, "logprobs": 1},
    "/v1/messages": {"messages": MESSAGES, "max_tokens": 2},
    "/v1/messages/count_tokens": {"messages": MESSAGES},
    "/v1/responses": {"input": "Say hello.", "max_output_tokens": 2},
    "/v1/embeddings": {"input": ["hello", "world"]},
    "/generate": {"prompt": "hello", "max_tokens": 2},
    "/tokenize": {"prompt": "hello", "return_token_strs": True},
    "/detokenize": {"tokens": [1, 2]},
}


@pytest.fixture(scope="module")
def document(server):
    reply = httpx.get(f"{server.url}/openapi.json")
    assert reply.status_code == 200 and reply.headers["content-type"] == "application/json"
    return reply.json()


def operations(document):
    return [(path, method, operation) for path, methods in document["paths"].items()
            for method, operation in methods.items()]


def check(document, name, value):
    """Holds a value to one of the document's schemas."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    jsonschema.validate(value, schema, jsonschema.Draft202012Validator)


def schema_name(content):
    return content["schema"]["$ref"].rsplit("/", 1)[1]


def test_the_document_is_valid(document):
    openapi_spec_validator.validate(document)
    assert {"/v1/chat/completions", "/v1/completions", "/v1/models", "/health"} <= set(document["paths"])


def test_every_route_answers_as_the_document_says(server, document):
    for path, method, operation in operations(document):
        if "{" in path and path != "/v1/models/{model}":
            continue  # of things that a test must make first
        url = server.url + path.replace("{model}", server.model)
        if "requestBody" in operation:
            body = BODIES[path]
            check(document, schema_name(operation["requestBody"]["content"]["application/json"]), body)
            reply = httpx.request(method, url, json=body, timeout=60)
        else:
            reply = httpx.request(method, url)
        assert reply.status_code == 200, f"{method} {path}: {reply.text}"
        content = operation["responses"]["200"].get("content", {})
        if "application/json" in content:
            check(document, schema_name(content["application/json"]), reply.json())
        elif not content:
            assert reply.content == b"", path


def test_what_a_schema_forbids_is_refused(server, document):
    """Every number's bounds: one step beyond is a 400 in the documented shape, and names the field."""
    fields = document["components"]["schemas"]["CompletionRequest"]["properties"]
    tried = 0
    for name, schema in fields.items():
        for bound, step in (("minimum", -1), ("maximum", 1), ("exclusiveMinimum", 0)):
            if bound not in schema or abs(schema[bound]) > 2**40:
                continue
            body = {"prompt": "hello", name: schema[bound] + step}
            reply = httpx.post(f"{server.url}/v1/completions", json=body)
            assert reply.status_code == 400, f"{name} = {body[name]}: {reply.text}"
            check(document, "Error", reply.json())
            assert reply.json()["error"]["param"] == name
            tried += 1
    assert tried > 15


CHROMIUM = os.environ.get("ATELIER_CHROMIUM") or shutil.which("chromium")


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_the_page_shows_every_route_and_loads_nothing_from_elsewhere(server, document):
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as runner:
        browser = runner.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        problems, asked = [], []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.on("request", lambda request: asked.append(request.url))
        page.goto(server.url + "/docs")
        for path in document["paths"]:
            playwright.expect(page.get_by_text(path, exact=True).first).to_be_attached(timeout=20000)
        browser.close()
    assert problems == []
    assert [url for url in asked if not url.startswith(server.url) and not url.startswith("data:")] == []
