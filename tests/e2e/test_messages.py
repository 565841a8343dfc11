"""POST /v1/messages with Anthropic's own client, and on the wire what that client does not show."""
import json

import anthropic
import httpx
import pytest

GREEDY = {"temperature": 0}  # no longer a parameter of the client's own
ASK = [{"role": "user", "content": "Count from one to ten in words."}]


@pytest.fixture
def client(server):
    return anthropic.Anthropic(base_url=server.url, api_key="none", max_retries=0, timeout=120)


def post(server, **fields):
    body = {"model": server.model, "max_tokens": 8, "messages": ASK, **GREEDY, **fields}
    return httpx.post(f"{server.url}/v1/messages", json=body, timeout=60, headers={"x-api-key": "none"})


def test_a_message(client, server):
    message = client.messages.create(model=server.model, max_tokens=4, messages=ASK, extra_body=GREEDY)
    assert message.type == "message" and message.role == "assistant" and message.model == server.model
    assert message.id.startswith("msg_")
    assert [block.type for block in message.content] == ["text"] and message.content[0].text
    assert message.stop_reason == "max_tokens" and message.stop_sequence is None
    assert message.usage.output_tokens == 4 and message.usage.input_tokens > 5


def test_the_same_answer_as_openais(client, server):
    message = client.messages.create(
        model=server.model, max_tokens=12, extra_body=GREEDY, system="You are terse.", messages=ASK)
    chat = server.client().chat.completions.create(
        model=server.model, max_tokens=12, temperature=0,
        messages=[{"role": "system", "content": "You are terse."}, *ASK])
    assert message.content[0].text == chat.choices[0].message.content
    assert message.usage.input_tokens == chat.usage.prompt_tokens


def test_blocks_are_text(client, server):
    blocks = client.messages.create(
        model=server.model, max_tokens=6, extra_body=GREEDY,
        system=[{"type": "text", "text": "You are terse.", "cache_control": {"type": "ephemeral"}}],
        messages=[{"role": "user", "content": [{"type": "text", "text": ASK[0]["content"]}]}])
    plain = client.messages.create(
        model=server.model, max_tokens=6, extra_body=GREEDY, system="You are terse.", messages=ASK)
    assert blocks.content[0].text == plain.content[0].text


def test_stop_sequences(client, server):
    whole = client.messages.create(model=server.model, max_tokens=16, extra_body=GREEDY, messages=ASK).content[0].text
    stop = whole[len(whole) // 2:][:3]
    message = client.messages.create(
        model=server.model, max_tokens=16, extra_body=GREEDY, messages=ASK, stop_sequences=[stop])
    assert message.stop_reason == "stop_sequence" and message.stop_sequence == stop
    assert message.content[0].text == whole[:whole.index(stop)]


def test_the_models_own_end(client, server):
    message = client.messages.create(
        model=server.model, max_tokens=200, extra_body=GREEDY, messages=[{"role": "user", "content": "Say hello."}])
    assert message.stop_reason == "end_turn"


def test_an_assistants_words_at_the_end_are_gone_on_with(client, server):
    message = client.messages.create(
        model=server.model, max_tokens=4, extra_body=GREEDY,
        messages=[*ASK, {"role": "assistant", "content": "one, two, three,"}])
    chat = server.client().chat.completions.create(
        model=server.model, max_tokens=4, temperature=0,
        messages=[*ASK, {"role": "assistant", "content": "one, two, three,"}],
        extra_body={"continue_final_message": True, "add_generation_prompt": False})
    assert message.content[0].text == chat.choices[0].message.content


def test_stream_through_the_client(client, server):
    with client.messages.stream(model=server.model, max_tokens=12, extra_body=GREEDY, messages=ASK) as stream:
        pieces = list(stream.text_stream)
        final = stream.get_final_message()
    whole = client.messages.create(model=server.model, max_tokens=12, extra_body=GREEDY, messages=ASK)
    assert len(pieces) > 1 and "".join(pieces) == whole.content[0].text == final.content[0].text
    assert final.stop_reason == whole.stop_reason
    assert final.usage.output_tokens == whole.usage.output_tokens
    assert final.usage.input_tokens == whole.usage.input_tokens


def test_events_come_in_anthropics_order(server):
    body = {"model": server.model, "max_tokens": 5, "messages": ASK, "temperature": 0, "stream": True}
    events = []
    with httpx.stream("POST", f"{server.url}/v1/messages", json=body, timeout=60) as reply:
        assert reply.headers["content-type"].startswith("text/event-stream")
        for block in "".join(reply.iter_text()).strip().split("\n\n"):
            name, data = block.split("\n")
            assert name.startswith("event: ") and data.startswith("data: ")
            events.append(json.loads(data[6:]))
            assert events[-1]["type"] == name[7:]
    kinds = [event["type"] for event in events]
    deltas = kinds.count("content_block_delta")
    assert deltas >= 1
    assert kinds == ["message_start", "content_block_start", "ping", *["content_block_delta"] * deltas,
                     "content_block_stop", "message_delta", "message_stop"]
    assert events[0]["message"]["content"] == [] and events[0]["message"]["usage"]["input_tokens"] > 0
    assert events[-2]["delta"] == {"stop_reason": "max_tokens", "stop_sequence": None}
    assert events[-2]["usage"]["output_tokens"] == 5


def test_count_tokens(client, server):
    counted = client.messages.count_tokens(model=server.model, system="You are terse.", messages=ASK)
    message = client.messages.create(model=server.model, max_tokens=1, system="You are terse.", messages=ASK)
    assert counted.input_tokens == message.usage.input_tokens


@pytest.mark.parametrize("fields, words", [
    ({"max_tokens": None}, "max_tokens"),
    ({"messages": None}, "messages"),
    ({"messages": []}, "messages"),
    ({"messages": [{"role": "system", "content": "x"}]}, "messages[0].role"),
    ({"messages": [{"role": "user", "content": [{"type": "image", "source": {}}]}]}, "image"),
    ({"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1"}]}]}, "tool_result"),
    ({"tools": [{"name": "f", "input_schema": {"type": "object"}}]}, "tool"),
    ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, "thinking"),
    ({"output_config": {"format": {"type": "json_schema", "schema": {}}}}, "output_format"),
    ({"temperature": -1}, "temperature"), ({"stop_sequences": [5]}, "stop_sequences"),
    ({"max_tokens": 10**9}, "maximum context length")])
def test_refusals_have_anthropics_shape(server, fields, words):
    reply = post(server, **fields)
    assert reply.status_code == 400, reply.text
    assert reply.json()["type"] == "error"
    assert reply.json()["error"]["type"] == "invalid_request_error"
    assert words in reply.json()["error"]["message"]


def test_an_unknown_model(client):
    with pytest.raises(anthropic.NotFoundError, match="does not exist"):
        client.messages.create(model="claude", max_tokens=1, messages=ASK)


def test_keys_as_anthropics_client_sends_them(start_server):
    server = start_server("--api-key", "secret", key="secret")
    client = anthropic.Anthropic(base_url=server.url, api_key="secret", max_retries=0)
    assert client.messages.create(model=server.model, max_tokens=1, messages=ASK).content
    with pytest.raises(anthropic.AuthenticationError) as refused:
        anthropic.Anthropic(base_url=server.url, api_key="wrong", max_retries=0).messages.create(
            model=server.model, max_tokens=1, messages=ASK)
    assert refused.value.body["error"]["type"] == "authentication_error"
    assert httpx.get(f"{server.url}/docs").status_code == httpx.get(f"{server.url}/openapi.json").status_code == 200
