"""POST /v1/responses with OpenAI's own client: answers, typed events, and what the server remembers."""
import httpx
import openai
import pytest

ASK = "Count from one to ten in words."
GREEDY = {"temperature": 0, "max_output_tokens": 12}
ORDER = ["response.created", "response.in_progress", "response.output_item.added", "response.content_part.added",
         "response.output_text.delta", "response.output_text.done", "response.content_part.done",
         "response.output_item.done", "response.incomplete"]


@pytest.fixture
def client(server):
    return server.client()


def create(client, server, **fields):
    return client.responses.create(**{"model": server.model, "input": ASK, **GREEDY, **fields})


def chat(client, server, messages):
    reply = client.chat.completions.create(model=server.model, messages=messages, temperature=0, max_tokens=12)
    return reply.choices[0].message.content


def test_a_response(client, server):
    response = create(client, server, max_output_tokens=4, metadata={"course": "a"})
    assert response.object == "response" and response.id.startswith("resp_") and response.model == server.model
    assert response.status == "incomplete" and response.incomplete_details.reason == "max_output_tokens"
    [item] = response.output
    assert item.type == "message" and item.role == "assistant" and item.id.startswith("msg_")
    assert [part.type for part in item.content] == ["output_text"]
    assert response.output_text == item.content[0].text != ""
    assert response.usage.output_tokens == 4
    assert response.usage.total_tokens == response.usage.input_tokens + 4
    assert response.metadata == {"course": "a"} and response.max_output_tokens == 4 and response.error is None


def test_an_answer_that_ends_is_completed(client, server):
    response = create(client, server, input="Say hello.", max_output_tokens=200)
    assert response.status == "completed" and response.incomplete_details is None
    assert response.output[0].status == "completed"


def test_input_and_instructions_are_a_chat(client, server):
    response = create(client, server, instructions="You are terse.", input=[
        {"role": "user", "content": [{"type": "input_text", "text": "Say hello."}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hello."}]},
        {"role": "user", "content": ASK}])
    assert response.output_text == chat(client, server, [
        {"role": "system", "content": "You are terse."}, {"role": "user", "content": "Say hello."},
        {"role": "assistant", "content": "Hello."}, {"role": "user", "content": ASK}])
    assert response.instructions == "You are terse."


def test_a_conversation_goes_on_without_its_instructions(client, server):
    first = create(client, server, instructions="You are terse.")
    second = create(client, server, input="And backwards?", previous_response_id=first.id)
    third = create(client, server, input="Thanks.", previous_response_id=second.id)
    said = [{"role": "user", "content": ASK}, {"role": "assistant", "content": first.output_text},
            {"role": "user", "content": "And backwards?"}]
    assert second.output_text == chat(client, server, said)
    assert second.previous_response_id == first.id
    said += [{"role": "assistant", "content": second.output_text}, {"role": "user", "content": "Thanks."}]
    assert third.output_text == chat(client, server, said)


def test_what_is_stored_can_be_seen_and_dropped(client, server):
    made = create(client, server)
    seen = client.responses.retrieve(made.id)
    assert seen.to_dict() == made.to_dict()
    client.responses.delete(made.id)
    for use in (lambda: client.responses.retrieve(made.id), lambda: client.responses.delete(made.id),
                lambda: client.responses.cancel(made.id),
                lambda: create(client, server, previous_response_id=made.id)):
        with pytest.raises(openai.NotFoundError, match="not found"):
            use()


def test_store_false_leaves_nothing(client, server):
    made = create(client, server, store=False)
    assert made.store is False
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(made.id)


def test_cancel_says_why_not(client, server):
    made = create(client, server)
    with pytest.raises(openai.BadRequestError, match="synchronous"):
        client.responses.cancel(made.id)


def test_events_in_order_with_running_numbers(client, server):
    events = list(create(client, server, stream=True))
    kinds = [event.type for event in events]
    assert [kind for i, kind in enumerate(kinds) if i == 0 or kinds[i - 1] != kind] == ORDER
    assert [event.sequence_number for event in events] == list(range(len(events)))
    by_kind = {event.type: event for event in events}
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert text == create(client, server).output_text
    assert by_kind["response.output_text.done"].text == text
    assert by_kind["response.content_part.done"].part.text == text
    assert by_kind["response.output_item.done"].item.content[0].text == text
    final = events[-1].response
    assert final.output_text == text and final.usage.output_tokens == 12
    assert events[0].response.status == "in_progress" and events[0].response.output == []
    item = by_kind["response.output_item.added"].item.id
    assert {event.item_id for event in events if hasattr(event, "item_id")} == {item} == {final.output[0].id}
    assert client.responses.retrieve(final.id).output_text == text


def test_the_clients_own_stream_helper(client, server):
    with client.responses.stream(
            model=server.model, input="Say hello.", temperature=0, max_output_tokens=200) as stream:
        deltas = [event.delta for event in stream if event.type == "response.output_text.delta"]
        final = stream.get_final_response()
    assert "".join(deltas) == final.output_text != ""


@pytest.mark.parametrize("fields, param", [
    ({"input": None}, "input"), ({"input": []}, "input"), ({"input": 5}, "input"),
    ({"input": [{"role": "robot", "content": "x"}]}, "input[0].role"),
    ({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "x"}]}]}, "input[0].content[0]"),
    ({"input": [{"type": "function_call_output", "call_id": "1", "output": "x"}]}, "input[0]"),
    ({"background": True}, "background"), ({"tools": [{"type": "function", "name": "f"}]}, "tools"),
    ({"text": {"format": {"type": "json_object"}}}, "text"), ({"truncation": "auto"}, "truncation"),
    ({"max_output_tokens": 0}, "max_output_tokens"), ({"metadata": {"a": 1}}, "metadata"),
    ({"top_logprobs": 2}, "top_logprobs"), ({"conversation": "conv_1"}, "conversation")])
def test_refusals_name_the_field(server, fields, param):
    body = {"model": server.model, "input": ASK, **GREEDY, **fields}
    reply = httpx.post(f"{server.url}/v1/responses", json=body, timeout=60)
    assert reply.status_code == 400, reply.text
    assert reply.json()["error"]["param"] == param


def test_a_stored_response_cannot_be_streamed(client, server):
    made = create(client, server)
    with pytest.raises(openai.BadRequestError, match="stream"):
        client.responses.retrieve(made.id, stream=True)
