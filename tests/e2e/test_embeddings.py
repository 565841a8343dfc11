"""POST /v1/embeddings with OpenAI's own client."""
import base64
import struct

import httpx
import numpy
import openai
import pytest

TEXTS = ["The cat sleeps on the sofa.", "A kitten is napping on the couch.", "Interest rates rose by two percent."]


@pytest.fixture
def client(server):
    return server.client()


def embed(client, server, text, **fields):
    reply = client.embeddings.create(model=server.model, input=text, encoding_format="float", **fields)
    return numpy.array([one.embedding for one in reply.data])


def test_vectors_of_length_one(client, server):
    reply = client.embeddings.create(model=server.model, input=TEXTS, encoding_format="float")
    assert reply.object == "list" and reply.model == server.model
    assert [one.index for one in reply.data] == [0, 1, 2]
    assert {one.object for one in reply.data} == {"embedding"}
    vectors = numpy.array([one.embedding for one in reply.data])
    assert vectors.shape[1] > 100
    assert numpy.allclose(numpy.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    counts = [httpx.post(f"{server.url}/tokenize", json={"prompt": text}).json()["count"] for text in TEXTS]
    assert reply.usage.prompt_tokens == reply.usage.total_tokens == sum(counts)


def test_what_is_alike_is_near(client, server):
    cat, kitten, rates = embed(client, server, TEXTS)
    assert cat @ kitten > cat @ rates


def test_the_vector_decides_over_the_next_token(client, server):
    """Texts after which the model's next-token chances are the same have the same vector, and only those."""
    one, again, other = embed(client, server, [TEXTS[0], TEXTS[0], TEXTS[0] + "!"])
    assert (one == again).all() and not numpy.allclose(one, other)


def test_company_and_order_change_nothing(client, server):
    together = embed(client, server, TEXTS)
    for text, vector in zip(TEXTS, together):
        assert (embed(client, server, text)[0] == vector).all()


def test_every_form_of_input(client, server):
    ids = [httpx.post(f"{server.url}/tokenize", json={"prompt": text}).json()["tokens"] for text in TEXTS]
    texts = embed(client, server, TEXTS)
    assert (embed(client, server, ids) == texts).all()
    assert (embed(client, server, ids[0])[0] == texts[0]).all()


def test_base64_holds_the_same_numbers(client, server):
    plain = embed(client, server, TEXTS[0])[0]
    reply = httpx.post(f"{server.url}/v1/embeddings", json={"input": TEXTS[0], "encoding_format": "base64"}).json()
    raw = base64.b64decode(reply["data"][0]["embedding"], validate=True)
    values = struct.unpack(f"<{len(raw) // 4}f", raw)
    assert numpy.array_equal(numpy.float32(plain), numpy.float32(values))
    # the client's own way: it asks for base64 and decodes it
    quiet = client.embeddings.create(model=server.model, input=TEXTS[0]).data[0].embedding
    assert numpy.array_equal(numpy.float32(quiet), numpy.float32(values))


def test_dimensions_and_normalize(client, server):
    vector = embed(client, server, TEXTS[0])[0]
    assert (embed(client, server, TEXTS[0], dimensions=len(vector))[0] == vector).all()
    with pytest.raises(openai.BadRequestError, match="matryoshka"):
        embed(client, server, TEXTS[0], dimensions=8)
    raw = embed(client, server, TEXTS[0], extra_body={"normalize": False})[0]
    assert numpy.linalg.norm(raw) > 1.5
    assert numpy.allclose(raw / numpy.linalg.norm(raw), vector, atol=1e-6)


def test_many_inputs_beside_a_stream(client, server):
    stream = client.chat.completions.create(
        model=server.model, messages=[{"role": "user", "content": "Tell a story."}], max_tokens=40, stream=True,
        extra_body={"ignore_eos": True})
    vectors = embed(client, server, [f"Sentence number {i}." for i in range(100)])
    assert vectors.shape[0] == 100 and len({tuple(vector) for vector in vectors}) == 100
    assert sum(1 for _ in stream) > 10
    server.wait_idle()


@pytest.mark.parametrize("fields, param", [
    ({"input": None}, "input"), ({"input": []}, "input"), ({"input": ""}, "input"), ({"input": ["a", ""]}, "input"),
    ({"input": [[]]}, "input"), ({"input": [10**7]}, "input"), ({"input": ["a"] * 1025}, "input"),
    ({"input": "word " * 9000}, "input"), ({"encoding_format": "int8"}, "encoding_format"),
    ({"dimensions": 0}, "dimensions"), ({"truncate_prompt_tokens": -5}, "truncate_prompt_tokens")])
def test_refusals_name_the_field(server, fields, param):
    reply = httpx.post(f"{server.url}/v1/embeddings", json={"input": "hello", **fields}, timeout=60)
    assert reply.status_code == 400, reply.text
    assert reply.json()["error"]["param"] == param
