"""What the test files of vLLM's and llama.cpp's servers expect of these routes, in our own words, as far as no other
test of ours says it already. docs/peers_tests.md lists those files and where each expectation is kept here.
"""
import json

import httpx
import pytest

CHAT, COMPLETIONS = "/v1/chat/completions", "/v1/completions"
QUESTION = [{"role": "user", "content": "What is 1 + 1?"}]


def post(server, path, **body):
    return httpx.post(server.url + path, json={"temperature": 0, "max_tokens": 4, **body}, timeout=120)


def made(server, path, **body):
    reply = post(server, path, **body)
    assert reply.status_code == 200, reply.text
    return reply.json()


def events(server, path, **body):
    text = post(server, path, stream=True, **body).text
    said = [line[6:] for line in text.splitlines() if line]
    assert said[-1] == "[DONE]", text[:300]
    return [json.loads(each) for each in said[:-1]]


def refusal(server, path, **body):
    reply = post(server, path, **body)
    assert reply.status_code == 400, (reply.status_code, reply.text)
    return reply.json()["error"]


# ---- chat

def test_log_probabilities_only_where_asked_for(server):
    assert made(server, CHAT, messages=QUESTION, logprobs=False)["choices"][0].get("logprobs") is None
    none_beside = made(server, CHAT, messages=QUESTION, logprobs=True, top_logprobs=0)["choices"][0]["logprobs"]["content"]
    assert len(none_beside) > 0 and all(token["top_logprobs"] == [] for token in none_beside)


def test_too_many_log_probabilities_leave_the_server_well(server):
    for stream in (False, True):
        assert refusal(server, CHAT, messages=QUESTION, logprobs=True, top_logprobs=21, stream=stream)
        assert refusal(server, COMPLETIONS, prompt="a", logprobs=30, stream=stream)
    assert made(server, CHAT, messages=QUESTION)["choices"][0]["message"]["content"] is not None


def test_scores_of_the_prompt(server):
    assert made(server, CHAT, messages=QUESTION).get("prompt_logprobs") is None
    one, two = (made(server, CHAT, messages=QUESTION, prompt_logprobs=k)["prompt_logprobs"] for k in (1, 2))
    assert one[0] is None and len(one) == len(two) and len(two[3]) >= 2 >= len(one[3]) >= 1
    assert refusal(server, CHAT, messages=QUESTION, prompt_logprobs=-2)
    for choice in made(server, COMPLETIONS, prompt=["A robot may not", "My name is"], prompt_logprobs=0)["choices"]:
        assert len(choice["prompt_logprobs"]) > 1


@pytest.mark.parametrize("path, body", [(CHAT, {"messages": QUESTION}), (COMPLETIONS, {"prompt": "1 2 3"})])
def test_usage_of_streams(server, path, body):
    for options in ({}, {"include_usage": False}, {"include_usage": False, "continuous_usage_stats": True}):
        assert all(event.get("usage") is None for event in events(server, path, stream_options=options, **body))
    last = events(server, path, stream_options={"include_usage": True}, **body)
    assert all(event.get("usage") is None for event in last[:-1]) and last[-1]["choices"] == []
    always = events(server, path, stream_options={"include_usage": True, "continuous_usage_stats": True}, **body)
    assert all(event["usage"]["prompt_tokens"] > 0 for event in always)
    assert always[-1]["usage"]["total_tokens"] == sum(always[-1]["usage"][kind] for kind in ("prompt_tokens", "completion_tokens"))
    assert refusal(server, path, stream=False, stream_options={"include_usage": True}, **body)


@pytest.mark.parametrize("path, body", [(CHAT, {"messages": QUESTION}), (COMPLETIONS, {"prompt": "1 2 3"})])
def test_one_reason_at_the_end_and_one_role_at_the_beginning(server, path, body):
    said = [event["choices"][0] for event in events(server, path, ignore_eos=True, **body)]
    assert [choice["finish_reason"] for choice in said if choice["finish_reason"]] == ["length"]
    assert said[-1]["finish_reason"] == "length"
    if path == CHAT:
        assert said[0]["delta"]["role"] == "assistant" and all("role" not in choice["delta"] for choice in said[1:])


@pytest.mark.parametrize("messages", [
    None, "text", 5, [], [123], [{}], [{"role": 123, "content": "a"}], [{"role": "user", "content": 123}],
    [{"content": "a"}], [{"role": "user", "content": "a"}, {}], [{"role": "user", "content": [{"type": "text"}]}],
    [{"role": "user", "content": ["a", 1]}]])
def test_messages_that_are_none(server, messages):
    assert "messages" in (refusal(server, CHAT, messages=messages)["param"] or "messages")


@pytest.mark.parametrize("path", [CHAT, COMPLETIONS, "/tokenize", "/detokenize"])
@pytest.mark.parametrize("body", ["not json{{{", '["a", "list"]', "42", "null", '"text"', "", "{"])
def test_bodies_that_are_no_object(server, path, body):
    reply = httpx.post(server.url + path, content=body, headers={"Content-Type": "application/json"})
    assert reply.status_code == 400 and reply.json()["error"]["type"] == "BadRequestError"


def test_text_in_parts_is_text(server):
    whole = made(server, CHAT, messages=[{"role": "user", "content": "What is\nthe best book"}])
    parts = made(server, CHAT, messages=[{"role": "user", "content": [{"type": "text", "text": "What is"},
                                                                       {"type": "text", "text": "the best book"}]}])
    assert parts["usage"]["prompt_tokens"] == whole["usage"]["prompt_tokens"]
    assert parts["choices"][0]["message"]["content"] == whole["choices"][0]["message"]["content"]


def test_max_completion_tokens_goes_before_max_tokens(server):
    reply = made(server, CHAT, messages=QUESTION, max_tokens=30, max_completion_tokens=3, ignore_eos=True)
    assert reply["usage"]["completion_tokens"] == 3 and reply["choices"][0]["finish_reason"] == "length"


def test_ids_beyond_the_vocabulary(server):
    beyond = 10**6
    for path, body in ((CHAT, {"messages": QUESTION}), (COMPLETIONS, {"prompt": "a"})):
        for field, value in (("logit_bias", {str(beyond): 1}), ("stop_token_ids", [beyond]), ("allowed_token_ids", [beyond])):
            error = refusal(server, path, **body, **{field: value})
            assert str(beyond) in error["message"], error
        assert refusal(server, path, stop_token_ids=[-1], **body)
        assert refusal(server, path, logit_bias={"a": 1}, **body)
    assert "vocabulary" in refusal(server, COMPLETIONS, prompt=[beyond])["message"]


def test_a_salt_must_say_something(server):
    assert refusal(server, CHAT, messages=QUESTION, cache_salt="")["param"] == "cache_salt"


# ---- completions

@pytest.mark.parametrize("prompt", [None, "", [], [[]], [""], [1, "a"], {}, 5, [None], [1.5], [-1]])
def test_prompts_that_are_none(server, prompt):
    assert refusal(server, COMPLETIONS, prompt=prompt)["message"]


def test_no_prompt_at_all(server):
    assert refusal(server, COMPLETIONS)["param"] == "prompt"


def test_zero_log_probabilities_tell_the_chosen_one(server):
    said = made(server, COMPLETIONS, prompt="1 2 3", logprobs=0)["choices"][0]["logprobs"]
    assert [len(top) for top in said["top_logprobs"]] == [1] * len(said["tokens"]) and said["token_logprobs"][0] <= 0
    assert made(server, COMPLETIONS, prompt="1 2 3")["choices"][0].get("logprobs") is None


def test_either_end_of_a_prompt_may_be_cut(server):
    ids = list(range(100, 108))
    for side, kept in (("right", ids[:4]), ("left", ids[-4:])):
        choice = made(server, COMPLETIONS, prompt=ids, truncate_prompt_tokens=4, truncation_side=side,
                      return_token_ids=True)["choices"][0]
        assert choice["prompt_token_ids"] == kept, side


def test_many_answers_are_told_apart(server):
    body = {"prompt": "Once upon a time", "n": 3, "temperature": 1.5, "seed": 42, "max_tokens": 20}
    choices = made(server, COMPLETIONS, **body)["choices"]
    assert [choice["index"] for choice in choices] == [0, 1, 2] and len({choice["text"] for choice in choices}) == 3
    texts, ends = {}, 0
    for event in events(server, COMPLETIONS, **body):
        choice = event["choices"][0]
        texts[choice["index"]] = texts.get(choice["index"], "") + choice["text"]
        ends += choice["finish_reason"] is not None
    assert ends == 3 and [texts[i] for i in range(3)] == [choice["text"] for choice in choices]


def test_lists_of_prompts_of_either_kind(server):
    ids = httpx.post(server.url + "/tokenize", json={"prompt": "1, 2, 3,"}).json()["tokens"]
    by_ids = made(server, COMPLETIONS, prompt=[ids, ids])["choices"]
    by_text = made(server, COMPLETIONS, prompt=["1, 2, 3,"])["choices"]
    assert len(by_ids) == 2 and {choice["text"] for choice in by_ids} == {by_text[0]["text"]}


# ---- the rest

def test_load_counts_who_is_served(server):
    assert httpx.get(server.url + "/load").json()["server_load"] == 0
    with httpx.stream("POST", server.url + COMPLETIONS, timeout=60,
                      json={"prompt": "a", "max_tokens": 500, "ignore_eos": True, "stream": True}) as reply:
        lines = reply.iter_lines()  # kept: letting it go closes the connection
        next(lines)
        assert httpx.get(server.url + "/load").json()["server_load"] == 1
    server.wait_idle()


def test_a_path_cannot_forge_a_line_of_the_log(server):
    forged = "FORGED-LINE-STANDS-ALONE"
    assert httpx.get(server.url + f"/v1/none%0D%0A{forged}").status_code in (400, 404)
    httpx.get(server.url + "/none", headers={"X-Request-Id": f"a {forged}"})
    assert httpx.get(server.url + "/v1/none-after").status_code == 404  # logged behind them
    assert any(forged in line for line in server.lines)
    assert not any(line.strip().startswith(forged) for line in server.lines)
