"""POST /generate, vLLM's older interface: a list of texts, each with its prompt; streamed as lines of JSON."""
import json

import httpx
import pytest

PROMPT = "The capital of France is"


def generate(server, **fields):
    return httpx.post(f"{server.url}/generate", json={"prompt": PROMPT, "temperature": 0, **fields}, timeout=60)


def test_text_is_prompt_and_answer(server):
    reply = generate(server, max_tokens=5)
    assert reply.status_code == 200 and list(reply.json()) == ["text"]
    [text] = reply.json()["text"]
    plain = server.client().completions.create(model=server.model, prompt=PROMPT, max_tokens=5, temperature=0)
    assert text == PROMPT + plain.choices[0].text


def test_the_reports_client_reads_its_answer(server):
    """Field reports send max_new_tokens and read json()["text"]."""
    [text] = generate(server, max_new_tokens=3, temperature=0.7, top_p=0.9, ignore_eos=True).json()["text"]
    count = httpx.post(f"{server.url}/tokenize", json={"prompt": PROMPT}).json()["count"]
    both = httpx.post(f"{server.url}/tokenize", json={"prompt": text}).json()["count"]
    assert text.startswith(PROMPT) and both > count


def test_n_gives_n_texts(server):
    texts = generate(server, n=3, temperature=1.5, seed=1, max_tokens=8).json()["text"]
    assert len(texts) == 3 and len(set(texts)) > 1
    assert all(text.startswith(PROMPT) for text in texts)


def test_stream_is_lines_with_all_the_text_so_far(server):
    with httpx.stream("POST", f"{server.url}/generate", timeout=60, json={
            "prompt": PROMPT, "temperature": 0, "max_tokens": 6, "ignore_eos": True, "stream": True}) as reply:
        assert reply.status_code == 200
        assert reply.headers["content-type"] == "application/x-ndjson"
        texts = [json.loads(line)["text"] for line in reply.iter_lines()]
    assert all(len(one) == 1 for one in texts) and len(texts) > 2
    for before, after in zip(texts, texts[1:]):
        assert after[0].startswith(before[0])
    assert texts[0][0].startswith(PROMPT)
    assert texts[-1] == generate(server, max_tokens=6, ignore_eos=True).json()["text"]


def test_sixteen_tokens_where_nothing_is_said(server):
    [text] = generate(server, ignore_eos=True).json()["text"]
    plain = server.client().completions.create(
        model=server.model, prompt=PROMPT, max_tokens=16, temperature=0, extra_body={"ignore_eos": True})
    assert text == PROMPT + plain.choices[0].text


@pytest.mark.parametrize("fields, param", [
    ({"prompt": None}, "prompt"), ({"prompt": ["a", "b"]}, "prompt"), ({"max_tokens": 0.5}, "max_tokens"),
    ({"prompt": "", "max_tokens": 1}, "prompt"), ({"top_p": 2}, "top_p"), ({"max_tokens": 10**9}, "max_tokens")])
def test_refusals_name_the_field(server, fields, param):
    reply = generate(server, **fields)
    assert reply.status_code == 400, reply.text
    assert reply.json()["error"]["param"] == param
