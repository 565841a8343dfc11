"""The server as its clients see it, through the official `openai` client where that can say it."""
import concurrent.futures
import json
import socket
import subprocess
import time

import httpx
import openai
import pytest

from conftest import BIN, MODEL

QUESTION = [{"role": "user", "content": "What is the capital of France?"}]


def chat(server, **options):
    options = {"model": server.model, "messages": QUESTION, "max_tokens": 16, "temperature": 0, **options}
    return server.client().chat.completions.create(**options)


def told(usage):
    """What does not depend on who asked the same before."""
    return usage.prompt_tokens, usage.completion_tokens, usage.total_tokens


# ---- chat

def test_plain_chat(server):
    reply = chat(server, messages=[{"role": "user", "content": "Tell me about Paris."}], max_tokens=32)
    assert "Paris" in reply.choices[0].message.content
    assert reply.choices[0].message.role == "assistant"
    assert reply.choices[0].finish_reason in ("stop", "length")
    assert reply.object == "chat.completion" and reply.id.startswith("chatcmpl-")
    assert reply.model == server.model
    assert abs(reply.created - time.time()) < 60
    assert 0 < reply.usage.completion_tokens <= 32
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens


def test_stream_says_the_same_as_plain(server):
    plain = chat(server, max_tokens=40)
    chunks = list(chat(server, max_tokens=40, stream=True, stream_options={"include_usage": True}))
    assert chunks[0].choices[0].delta.role == "assistant"
    assert all(chunk.usage is None for chunk in chunks[:-1])
    assert chunks[-1].choices == [] and told(chunks[-1].usage) == told(plain.usage)
    assert chunks[-2].choices[0].finish_reason == plain.choices[0].finish_reason
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1])
    assert text == plain.choices[0].message.content
    assert len(chunks) > 5
    assert len({chunk.id for chunk in chunks}) == 1


def test_stream_ends_with_done_and_without_usage_unless_asked(server):
    body = {"messages": QUESTION, "max_tokens": 3, "stream": True}
    with httpx.stream("POST", f"{server.url}/v1/chat/completions", json=body, timeout=60) as reply:
        assert reply.headers["content-type"].startswith("text/event-stream")
        events = [line for line in reply.iter_lines() if line]
    assert events[-1] == "data: [DONE]"
    assert all(event.startswith("data: ") for event in events)
    assert all("usage" not in json.loads(event[6:]) for event in events[:-1])


def test_continuous_usage_counts_up(server):
    chunks = list(chat(server, max_tokens=8, stream=True, extra_body={"ignore_eos": True},
                       stream_options={"include_usage": True, "continuous_usage_stats": True}))
    counts = [chunk.usage.completion_tokens for chunk in chunks]
    assert counts == sorted(counts) and counts[0] == 0 and counts[-1] == 8


def test_multi_turn(server):
    turns = QUESTION + [{"role": "assistant", "content": "The capital of France is Paris."},
                        {"role": "user", "content": [{"type": "text", "text": "And of Italy?"}]}]
    reply = chat(server, messages=turns, max_tokens=24)
    assert "Rome" in reply.choices[0].message.content  # only the turns before say that it is about capitals
    assert reply.usage.prompt_tokens > chat(server, messages=turns[:1], max_tokens=1).usage.prompt_tokens


def test_length_is_the_true_reason(server):
    reply = chat(server, max_tokens=2)
    assert reply.choices[0].finish_reason == "length"
    assert reply.usage.completion_tokens == 2


def test_ignore_eos_gives_the_whole_length(server):
    reply = chat(server, max_tokens=64, extra_body={"ignore_eos": True})
    assert reply.usage.completion_tokens == 64 and reply.choices[0].finish_reason == "length"


@pytest.mark.parametrize("stream", [False, True])
def test_stop_strings(server, stream):
    body = {"prompt": "1, 2, 3, 4, 5, 6,", "max_tokens": 40, "temperature": 0}
    free = httpx.post(f"{server.url}/v1/completions", json=body, timeout=60).json()["choices"][0]["text"]
    stop = free[5:9]  # crosses tokens
    assert len(stop) == 4
    client = server.client()
    for include in (False, True):
        made = client.completions.create(model=server.model, prompt=body["prompt"], max_tokens=40, temperature=0,
                                         stop=["never this", stop], stream=stream,
                                         extra_body={"include_stop_str_in_output": include})
        pieces = list(made) if stream else [made]
        text = "".join(piece.choices[0].text for piece in pieces)
        expected = free[:free.index(stop)]
        assert text == expected + (stop if include else "")
        assert pieces[-1].choices[0].finish_reason == "stop"
        assert pieces[-1].choices[0].stop_reason == stop


def test_stop_token_ids_hold_even_with_ignore_eos(server):
    logprobs = chat(server, max_tokens=8, logprobs=True).choices[0].logprobs.content
    assert len(logprobs) >= 3
    prompt = "1, 2, 3, 4, 5, 6,"
    ids = ids_of(prompt + " 7")
    reply = httpx.post(f"{server.url}/v1/completions", timeout=60, json={
        "prompt": prompt, "max_tokens": 20, "temperature": 0, "ignore_eos": True, "stop_token_ids": [ids[-1]]}).json()
    choice = reply["choices"][0]
    assert choice["finish_reason"] == "stop" and choice["stop_reason"] == ids[-1]


def ids_of(text):
    made = subprocess.run([BIN, "tokenize", MODEL], input=json.dumps(text) + "\n", capture_output=True, text=True)
    if made.returncode != 0:
        pytest.skip("atelier tokenize: " + made.stderr.strip()[:80])
    return json.loads(made.stdout)


def test_tokenize_and_back(server):
    text = "Hello, wörld!\n 日本 1234"
    made = httpx.post(server.url + "/tokenize", json={"prompt": text, "return_token_strs": True}).json()
    assert made["tokens"] == ids_of(text) and made["count"] == len(made["tokens"]) == len(made["token_strs"])
    assert made["max_model_len"] > 0 and made["token_strs"][0] == "Hello"
    text += "<|im_end|>"  # a special is one token, as in a prompt
    more = httpx.post(server.url + "/tokenize", json={"prompt": text, "return_token_strs": True}).json()
    assert more["token_strs"] == [*made["token_strs"], "<|im_end|>"]
    made = more
    back = httpx.post(server.url + "/detokenize", json={"tokens": made["tokens"]}).json()
    assert back == {"prompt": text}
    plain = httpx.post(server.url + "/tokenize", json={"prompt": ""}).json()
    assert plain["tokens"] == [] and plain["token_strs"] is None


def test_tokenize_counts_a_chat_as_it_is_charged(server):
    messages = [{"role": "user", "content": "hi"}]
    made = httpx.post(server.url + "/tokenize", json={"messages": messages}).json()
    reply = httpx.post(server.url + "/v1/chat/completions", timeout=60, json={"messages": messages, "max_tokens": 1}).json()
    assert made["count"] == reply["usage"]["prompt_tokens"]
    shorter = httpx.post(server.url + "/tokenize", json={"messages": messages, "add_generation_prompt": False}).json()
    assert made["tokens"][:shorter["count"]] == shorter["tokens"] and shorter["count"] < made["count"]


@pytest.mark.parametrize("path, body, param", [
    ("/tokenize", {}, "prompt"), ("/tokenize", {"prompt": 5}, "prompt"),
    ("/tokenize", {"prompt": "a", "messages": [{"role": "user", "content": "b"}]}, "messages"),
    ("/tokenize", {"prompt": "a", "model": "other"}, "model"),
    ("/detokenize", {}, "tokens"), ("/detokenize", {"tokens": [10**9]}, "tokens"),
    ("/detokenize", {"tokens": [-1]}, "tokens")])
def test_tokenize_refusals(server, path, body, param):
    reply = httpx.post(server.url + path, json=body)
    assert reply.status_code in (400, 404) and reply.json()["error"]["param"] == param


def test_n_answers(server):
    reply = chat(server, n=3, temperature=1.5, seed=11, max_tokens=12)
    assert [choice.index for choice in reply.choices] == [0, 1, 2]
    assert len({choice.message.content for choice in reply.choices}) > 1
    assert reply.usage.completion_tokens <= 36
    again = chat(server, n=3, temperature=1.5, seed=11, max_tokens=12)
    assert [c.message.content for c in reply.choices] == [c.message.content for c in again.choices]


def test_n_streamed(server):
    texts = {}
    for chunk in chat(server, n=2, temperature=1.2, seed=3, max_tokens=10, stream=True):
        for choice in chunk.choices:
            texts[choice.index] = texts.get(choice.index, "") + (choice.delta.content or "")
    plain = chat(server, n=2, temperature=1.2, seed=3, max_tokens=10)
    assert [texts[i] for i in range(2)] == [choice.message.content for choice in plain.choices]


def test_seed_repeats_and_differs(server):
    def draw(seed):
        return chat(server, temperature=1.3, seed=seed, max_tokens=20).choices[0].message.content
    assert draw(1) == draw(1)
    assert len({draw(seed) for seed in range(4)}) > 1


@pytest.mark.parametrize("stream", [False, True])
def test_chat_logprobs(server, stream):
    made = chat(server, max_tokens=6, logprobs=True, top_logprobs=3, stream=stream)
    pieces = list(made) if stream else [made]
    content = [token for piece in pieces for choice in piece.choices if choice.logprobs
               for token in choice.logprobs.content]
    assert len(content) == 6
    for token in content:
        assert token.logprob <= 0 and len(token.top_logprobs) == 3
        assert token.top_logprobs[0].logprob == token.logprob  # greedy
        assert bytes(token.bytes).decode("utf-8", "replace") == token.token
        values = [other.logprob for other in token.top_logprobs]
        assert values == sorted(values, reverse=True)
    if not stream:
        assert b"".join(bytes(token.bytes) for token in content).decode() == made.choices[0].message.content


def test_continue_final_message(server):
    turns = QUESTION + [{"role": "assistant", "content": "The capital of France is"}]
    reply = chat(server, messages=turns, max_tokens=4,
                 extra_body={"continue_final_message": True, "add_generation_prompt": False})
    assert "Paris" in reply.choices[0].message.content


# ---- completions

def test_completions_by_text_and_by_ids(server):
    client = server.client()
    by_text = client.completions.create(model=server.model, prompt="The capital of France is", max_tokens=8,
                                        temperature=0)
    assert by_text.object == "text_completion" and by_text.id.startswith("cmpl-")
    assert "Paris" in by_text.choices[0].text
    by_ids = client.completions.create(model=server.model, prompt=ids_of("The capital of France is"), max_tokens=8,
                                       temperature=0)
    assert by_ids.choices[0].text == by_text.choices[0].text
    assert told(by_ids.usage) == told(by_text.usage)


def test_completions_of_many_prompts(server):
    prompts = ["The capital of France is", "1, 2, 3, 4, 5,"]
    client = server.client()
    both = client.completions.create(model=server.model, prompt=prompts, max_tokens=6, temperature=0, n=2)
    assert [choice.index for choice in both.choices] == [0, 1, 2, 3]
    for i, prompt in enumerate(prompts):
        alone = client.completions.create(model=server.model, prompt=prompt, max_tokens=6, temperature=0)
        assert both.choices[2 * i].text == both.choices[2 * i + 1].text == alone.choices[0].text


def test_completions_echo(server):
    client = server.client()
    plain = client.completions.create(model=server.model, prompt="1, 2, 3,", max_tokens=5, temperature=0)
    echo = client.completions.create(model=server.model, prompt="1, 2, 3,", max_tokens=5, temperature=0, echo=True)
    assert echo.choices[0].text == "1, 2, 3," + plain.choices[0].text
    only = client.completions.create(model=server.model, prompt="1, 2, 3,", max_tokens=0, echo=True)
    assert only.choices[0].text == "1, 2, 3," and only.usage.completion_tokens == 0


def test_completions_stream_and_logprobs(server):
    client = server.client()
    plain = client.completions.create(model=server.model, prompt="1, 2, 3,", max_tokens=9, temperature=0, logprobs=2)
    chunks = list(client.completions.create(model=server.model, prompt="1, 2, 3,", max_tokens=9, temperature=0,
                                            logprobs=2, stream=True, stream_options={"include_usage": True}))
    assert "".join(c.choices[0].text for c in chunks[:-1]) == plain.choices[0].text
    assert sum((c.choices[0].logprobs.tokens for c in chunks[:-1]), []) == plain.choices[0].logprobs.tokens
    assert sum((c.choices[0].logprobs.text_offset for c in chunks[:-1]), []) == plain.choices[0].logprobs.text_offset
    assert told(chunks[-1].usage) == told(plain.usage)
    assert all(len(top) <= 2 for top in plain.choices[0].logprobs.top_logprobs)


# ---- many at once

def test_thirty_two_in_parallel_answer_as_alone(server):
    prompts = [f"Count from {i}: {i}," for i in range(32)]
    client = server.client()

    def ask(prompt):
        made = client.completions.create(model=server.model, prompt=prompt, max_tokens=12, temperature=0)
        return made.choices[0].text
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        together = list(pool.map(ask, prompts))
    assert all(together)
    assert [ask(prompt) for prompt in prompts[:6]] == together[:6]
    server.wait_idle()


def test_more_than_fit_wait_their_turn(start_server):
    server = start_server("--max-num-seqs", "2", "--max-model-len", "256")
    client = server.client()

    def ask(i):
        return client.completions.create(model=server.model, prompt=f"{i}", max_tokens=10).usage.completion_tokens
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        assert len(list(pool.map(ask, range(12)))) == 12
    assert server.load()["server_load"] == 0


# ---- limits

def test_over_long_prompt_is_refused_with_the_numbers(start_server):
    server = start_server("--max-model-len", "128")
    assert server.client().models.list().data[0].max_model_len == 128
    with pytest.raises(openai.BadRequestError) as refused:
        chat(server, messages=[{"role": "user", "content": "word " * 500}], max_tokens=None)
    message = refused.value.body["message"]
    assert "maximum context length is 128 tokens" in message and "messages resulted in" in message
    assert refused.value.body["type"] == "BadRequestError" and refused.value.body["code"] == 400
    with pytest.raises(openai.BadRequestError) as refused:
        chat(server, max_tokens=1000)
    assert "1000 in the completion" in refused.value.body["message"]
    full = chat(server, max_tokens=None, extra_body={"ignore_eos": True})
    assert full.usage.total_tokens == 128 and full.choices[0].finish_reason == "length"


def test_unknown_model(server):
    with pytest.raises(openai.NotFoundError) as refused:
        chat(server, model="no-such-model")
    assert refused.value.body["message"] == "The model `no-such-model` does not exist."
    assert refused.value.body["param"] == "model"


def test_served_name(start_server):
    server = start_server("--served-model-name", "tutor", "--max-model-len", "256")
    assert server.model == "tutor"
    assert chat(server, max_tokens=2).model == "tutor"
    assert server.client().models.retrieve("tutor").id == "tutor"


# ---- disconnects

def raw_post(server, body):
    text = json.dumps(body).encode()
    connection = socket.create_connection(("127.0.0.1", server.port))
    connection.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                       b"Content-Length: %d\r\n\r\n" % len(text) + text)
    return connection


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_goes_frees_its_place(server, stream):
    body = {"prompt": "Once upon a time", "max_tokens": 4000, "ignore_eos": True, "stream": stream}
    for _ in range(5):
        connection = raw_post(server, body)
        server.wait_until(lambda load: load["running"] > 0)
        connection.close()
        assert server.wait_idle() < 2.0
    assert server.load()["kv_blocks_used"] == 0


def test_a_client_that_goes_while_waiting_frees_its_place(start_server):
    server = start_server("--max-num-seqs", "1", "--max-model-len", "2048")
    body = {"prompt": "Once upon a time", "max_tokens": 1500, "ignore_eos": True, "stream": True}
    running = raw_post(server, body)
    time.sleep(0.3)
    waiting = [raw_post(server, body) for _ in range(4)]
    server.wait_until(lambda load: load["waiting"] == 4)
    for connection in waiting:
        connection.close()
    server.wait_until(lambda load: load["waiting"] == 0)
    assert server.load()["running"] == 1
    running.close()
    server.wait_idle()


def test_at_most_so_many_requests_are_in_the_server_running_or_waiting(start_server):
    server = start_server("--max-num-seqs", "2", "--max-num-queued-reqs", "3", "--max-model-len", "2048")
    body = {"prompt": "Once upon a time", "max_tokens": 1500, "ignore_eos": True, "stream": True}
    taken_in = [raw_post(server, body) for _ in range(3)]
    server.wait_until(lambda load: (load["running"], load["waiting"]) == (2, 1))
    with pytest.raises(openai.InternalServerError) as refused:
        server.client().completions.create(model=server.model, prompt="Once", max_tokens=1)
    assert refused.value.status_code == 503 and 1 <= int(refused.value.response.headers["retry-after"]) <= 60
    assert "3 requests are running or waiting, and 3 may" in refused.value.message
    taken_in.pop().close()
    server.wait_until(lambda load: load["server_load"] == 2)
    taken_in.append(raw_post(server, body))
    server.wait_until(lambda load: load["server_load"] == 3)
    for connection in taken_in:
        connection.close()
    server.wait_idle()


def test_at_most_so_many_prompt_tokens_are_queued(start_server):
    server = start_server("--max-num-seqs", "1", "--max-num-queued-tokens", "100", "--max-model-len", "2048")
    running = raw_post(server, {"prompt": "Once", "max_tokens": 1900, "ignore_eos": True, "stream": True})
    server.wait_until(lambda load: load["running"] == 1 and load["queued_tokens"] == 0)
    waiting = raw_post(server, {"prompt": [100] * 90, "max_tokens": 1})
    server.wait_until(lambda load: load["queued_tokens"] == 90)
    client = server.client().completions
    with pytest.raises(openai.InternalServerError) as refused:
        client.create(model=server.model, prompt=[100] * 11, max_tokens=1)
    assert refused.value.status_code == 503
    assert "prompts of 90 tokens are queued, and 100 may be" in refused.value.message
    running.close()
    server.wait_idle()
    waiting.close()
    # longer than the bound, and alone
    assert client.create(model=server.model, prompt=[100] * 300, max_tokens=1).usage.prompt_tokens == 300


# ---- the end

def test_a_second_signal_ends_it_at_once(start_server):
    server = start_server("--max-model-len", "2048")
    connection = raw_post(server, {"prompt": "Once", "max_tokens": 1900, "ignore_eos": True, "stream": True})
    time.sleep(0.3)
    server.process.terminate()
    time.sleep(0.1)
    server.process.terminate()
    assert server.process.wait(3) == 128 + 15
    connection.close()


# ---- the command

def test_a_taken_port_is_told(server):
    made = subprocess.run([BIN, "serve", MODEL, "--port", str(server.port)], capture_output=True, text=True, timeout=60)
    assert made.returncode == 1 and str(server.port) in made.stderr and "in use" in made.stderr


@pytest.mark.parametrize("arguments", [["--isa", "altivec"], ["--port", "99999"], ["--max-num-seqs", "0"],
                                       ["--compute", "int3"], ["--max-model-len", "0"]])
def test_bad_usage(arguments):
    made = subprocess.run([BIN, "serve", MODEL, *arguments], capture_output=True, text=True, timeout=60)
    assert made.returncode == 2 and made.stderr


def test_a_model_that_is_not_there():
    made = subprocess.run([BIN, "serve", "/nowhere/model.gguf"], capture_output=True, text=True, timeout=60)
    assert made.returncode == 1 and "/nowhere/model.gguf" in made.stderr
