"""Fields that change how tokens are chosen, and what is told of them: OpenAI's and vLLM's, through `openai`."""
import math

import httpx
import openai
import pytest

PROMPT = "1, 2, 3, 4, 5, 6,"
QUESTION = [{"role": "user", "content": "Name a colour."}]
LONG = "The history of the town begins with a mill on the river, and with the family that owned it. "


def complete(server, prompt=PROMPT, **options):
    known = {"n", "best_of", "echo", "logprobs", "stop", "stream", "seed", "logit_bias", "stream_options"}
    extra = {name: options.pop(name) for name in list(options) if name not in known | {"max_tokens", "temperature"}}
    options = {"max_tokens": 12, "temperature": 0, **options}
    return server.client().completions.create(model=server.model, prompt=prompt, extra_body=extra, **options)


def chat(server, messages=QUESTION, **extra):
    return server.client().chat.completions.create(model=server.model, messages=messages, max_tokens=12,
                                                   temperature=0, extra_body=extra)


def post(server, **body):
    return httpx.post(f"{server.url}/v1/completions", timeout=60, json={"prompt": PROMPT, "temperature": 0, **body})


def ids_of(server, text):
    return httpx.post(f"{server.url}/tokenize", json={"prompt": text}).json()["tokens"]


def generated_ids(server, **options):
    return complete(server, return_token_ids=True, ignore_eos=True, **options).choices[0].token_ids


# ---- which tokens may be chosen

def test_logit_bias_bans_and_forces(server):
    free = generated_ids(server)
    assert free[0] not in generated_ids(server, logit_bias={str(free[0]): -100})
    forced = ids_of(server, " blue")[0]
    assert generated_ids(server, logit_bias={str(forced): 100}) == [forced] * 12


def test_allowed_token_ids(server):
    allowed = ids_of(server, "0123456789,")
    made = generated_ids(server, allowed_token_ids=allowed, temperature=1.0, seed=3)
    assert set(made) <= set(allowed) and len(set(made)) > 1


def test_bad_words_of_one_token(server):
    free = complete(server, "The capital of France is").choices[0].text
    assert "Paris" in free
    assert "Paris" not in complete(server, "The capital of France is", bad_words=["Paris"], max_tokens=24).choices[0].text


def test_bad_words_of_many_tokens_are_only_not_finished(server):
    free = generated_ids(server, max_tokens=16)
    word = httpx.post(f"{server.url}/detokenize", json={"tokens": free[2:5]}).json()["prompt"]
    assert ids_of(server, word) == free[2:5], "the text must come back as these tokens"
    made = generated_ids(server, max_tokens=16, bad_words=[word])
    assert made[:4] == free[:4] and made[4] != free[4]  # the prefix stays, its last token does not
    assert all(made[i:i + 3] != free[2:5] for i in range(len(made)))


def test_min_tokens_holds_stop_ids_back(server):
    free = generated_ids(server)
    stop = free[1]
    early = complete(server, stop_token_ids=[stop], max_tokens=40)
    assert early.usage.completion_tokens == 1 and early.choices[0].stop_reason == stop
    late = complete(server, stop_token_ids=[stop], max_tokens=40, min_tokens=10, return_token_ids=True)
    assert late.usage.completion_tokens >= 10
    assert stop not in late.choices[0].token_ids[:10]


def test_min_tokens_holds_stop_strings_back(server):
    stop = complete(server, max_tokens=40).choices[0].text[1:3]
    assert complete(server, max_tokens=40, stop=[stop]).usage.completion_tokens < 10
    late = complete(server, max_tokens=40, stop=[stop], min_tokens=10)
    assert late.usage.completion_tokens >= 10


def test_min_tokens_holds_the_end_of_a_turn_back(server):
    short = server.client().chat.completions.create(
        model=server.model, messages=[{"role": "user", "content": "Say: yes"}], max_tokens=400, temperature=0)
    least = short.usage.completion_tokens + 8
    assert short.choices[0].finish_reason == "stop"
    held = server.client().chat.completions.create(
        model=server.model, messages=[{"role": "user", "content": "Say: yes"}], max_tokens=400, temperature=0,
        extra_body={"min_tokens": least})
    assert held.usage.completion_tokens >= least


def test_nothing_left_to_choose_is_a_400(server):
    only = ids_of(server, " a")[:1]
    reply = post(server, allowed_token_ids=only, logit_bias={}, stop_token_ids=only, min_tokens=2, max_tokens=4)
    assert reply.status_code == 400 and "nothing is left to choose" in reply.json()["error"]["message"]


@pytest.mark.parametrize("field, value", [
    ("logit_bias", {"10000000": 1}), ("allowed_token_ids", [10000000]), ("stop_token_ids", [10000000]),
    ("bad_words", ["   "]), ("min_tokens", 17), ("truncate_prompt_tokens", 10000000), ("cache_salt", ""),
    ("prompt_logprobs", 21), ("prompt_logprobs", -1), ("best_of", 0)])
def test_refusals_name_the_field(server, field, value):
    reply = post(server, **{field: value})
    assert reply.status_code == 400 and reply.json()["error"]["param"] == field


# ---- prompts

def test_truncate_prompt_tokens_keeps_the_last(server):
    ids = ids_of(server, LONG + PROMPT)
    cut = complete(server, LONG + PROMPT, truncate_prompt_tokens=9, return_token_ids=True, echo=True)
    assert cut.usage.prompt_tokens == 9 and cut.choices[0].prompt_token_ids == ids[-9:]
    assert cut.choices[0].text.startswith(httpx.post(f"{server.url}/detokenize", json={"tokens": ids[-9:]}).json()["prompt"])
    assert cut.choices[0].text.endswith(complete(server, ids[-9:]).choices[0].text)
    first = complete(server, LONG + PROMPT, truncate_prompt_tokens=9, truncation_side="right", return_token_ids=True)
    assert first.choices[0].prompt_token_ids == ids[:9]
    whole = complete(server, PROMPT, truncate_prompt_tokens=-1)
    assert whole.choices[0].text == complete(server, PROMPT).choices[0].text


def test_truncation_makes_an_over_long_prompt_fit(start_server):
    server = start_server("--max-model-len", "128")
    with pytest.raises(openai.BadRequestError):
        complete(server, LONG * 20)
    fits = complete(server, LONG * 20, truncate_prompt_tokens=-1, ignore_eos=True)
    assert fits.usage.prompt_tokens == 128 - 12 and fits.usage.completion_tokens == 12
    chatted = chat(server, [{"role": "user", "content": LONG * 20}], truncate_prompt_tokens=64)
    assert chatted.usage.prompt_tokens == 64


def test_return_token_ids(server):
    made = complete(server, return_token_ids=True).choices[0]
    assert made.prompt_token_ids == ids_of(server, PROMPT)
    back = httpx.post(f"{server.url}/detokenize", json={"tokens": made.token_ids}).json()["prompt"]
    assert back.startswith(made.text)
    chunks = list(complete(server, return_token_ids=True, stream=True))
    assert sum((chunk.choices[0].token_ids for chunk in chunks), []) == made.token_ids
    assert chunks[0].choices[0].prompt_token_ids == made.prompt_token_ids
    assert all("prompt_token_ids" not in chunk.choices[0].model_extra for chunk in chunks[1:])
    told = chat(server, return_token_ids=True)
    assert len(told.prompt_token_ids) == told.usage.prompt_tokens
    stopped = told.choices[0].finish_reason == "stop"
    assert len(told.choices[0].token_ids) == told.usage.completion_tokens + stopped


# ---- what is told of the prompt's tokens

def test_prompt_logprobs_have_vllms_shape(server):
    reply = complete(server, prompt_logprobs=2, max_tokens=3, return_token_ids=True)
    choice = reply.choices[0]
    assert len(choice.prompt_logprobs) == reply.usage.prompt_tokens and choice.prompt_logprobs[0] is None
    for token, entry in zip(choice.prompt_token_ids[1:], choice.prompt_logprobs[1:]):
        assert str(token) in entry and 2 <= len(entry) <= 3
        assert all(set(one) == {"logprob", "rank", "decoded_token"} for one in entry.values())
        assert {one["rank"] for one in entry.values()} >= {1, 2}
        by_rank = sorted(entry.values(), key=lambda one: one["rank"])
        assert [one["logprob"] for one in by_rank] == sorted((one["logprob"] for one in by_rank), reverse=True)
    told = chat(server, prompt_logprobs=0)
    assert len(told.prompt_logprobs) == told.usage.prompt_tokens and told.prompt_logprobs[0] is None
    assert all(len(entry) == 1 for entry in told.prompt_logprobs[1:])


def test_prompt_logprobs_are_the_next_tokens(server):
    """What the model says of a prompt's token is what it says of the next token after the prompt's beginning."""
    ids = ids_of(server, PROMPT)
    told = complete(server, ids, prompt_logprobs=5, max_tokens=1).choices[0].prompt_logprobs
    for length in range(1, len(ids)):
        after = complete(server, ids[:length], logprobs=5, max_tokens=1).choices[0].logprobs.top_logprobs[0]
        best = sorted(after.values(), reverse=True)
        here = sorted((one["logprob"] for one in told[length].values() if one["rank"] <= 5), reverse=True)
        assert here == pytest.approx(best, abs=1e-4)


def test_prompt_logprobs_of_a_long_prompt_do_not_change_with_the_cache(server):
    first = complete(server, LONG * 30, prompt_logprobs=0, max_tokens=4)
    assert first.usage.prompt_tokens > 512
    plain = complete(server, LONG * 30, max_tokens=4)
    again = complete(server, LONG * 30, prompt_logprobs=0, max_tokens=4)
    assert plain.usage.prompt_tokens_details.cached_tokens > 512
    assert again.usage.prompt_tokens_details.cached_tokens == 0
    assert first.choices[0].prompt_logprobs == again.choices[0].prompt_logprobs
    assert first.choices[0].text == plain.choices[0].text == again.choices[0].text


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("max_tokens", [0, 6])
def test_echo_with_logprobs(server, stream, max_tokens):
    made = complete(server, echo=True, logprobs=2, max_tokens=max_tokens, stream=stream)
    pieces = list(made) if stream else [made]
    text = "".join(piece.choices[0].text for piece in pieces)
    told = {name: sum((getattr(piece.choices[0].logprobs, name) for piece in pieces), [])
            for name in ("tokens", "token_logprobs", "top_logprobs", "text_offset")}
    prompt_tokens = len(ids_of(server, PROMPT))
    assert text.startswith(PROMPT) and len(told["tokens"]) == prompt_tokens + max_tokens
    assert "".join(told["tokens"]) == text
    assert told["token_logprobs"][0] is None and told["top_logprobs"][0] is None
    assert all(value <= 0 for value in told["token_logprobs"][1:])
    assert all(1 <= len(top) <= 2 for top in told["top_logprobs"][1:])
    offsets = [len("".join(told["tokens"][:i])) for i in range(len(told["tokens"]))]
    assert told["text_offset"] == offsets
    if max_tokens == 0 and not stream:
        assert made.usage.completion_tokens == 0 and made.choices[0].finish_reason == "length"


def test_echo_with_logprobs_gives_every_answer_its_own(server):
    both = complete(server, [PROMPT, "A, B, C,"], echo=True, logprobs=0, n=2, max_tokens=2)
    assert len(both.choices) == 4
    assert both.choices[0].logprobs == both.choices[1].logprobs
    assert both.choices[2].text.startswith("A, B, C,") and both.choices[2].logprobs.token_logprobs[0] is None


# ---- several answers

def test_best_of_tells_the_likeliest(server):
    options = dict(temperature=1.3, seed=5, max_tokens=10, logprobs=0, ignore_eos=True)
    every = complete(server, n=6, **options)
    best = complete(server, n=2, best_of=6, **options)
    ranked = sorted(every.choices, key=lambda c: -sum(c.logprobs.token_logprobs) / len(c.logprobs.token_logprobs))
    assert [choice.text for choice in best.choices] == [choice.text for choice in ranked[:2]]
    assert [choice.index for choice in best.choices] == [0, 1]
    assert best.usage.completion_tokens == 60  # all that was made
    untold = complete(server, n=1, best_of=6, temperature=1.3, seed=5, max_tokens=10, ignore_eos=True)
    assert untold.choices[0].text == ranked[0].text and untold.choices[0].logprobs is None


def reference_beams(server, prompt, width, max_tokens, ends, length_penalty=1.0):
    """Beam search as vLLM's server does it, made of next-token log-probabilities told by the server itself."""
    def score(beam):
        return beam[1] / (len(prompt) + len(beam[0])) ** length_penalty
    live, complete_ones = [((), 0.0, False)], []
    for _ in range(max_tokens):
        grown = []
        for tokens, total, _ in live:
            entry = complete(server, [*prompt, *tokens, ends[0]], prompt_logprobs=2 * width, max_tokens=1)
            told = entry.choices[0].prompt_logprobs[-1]  # of the token after prompt and beam
            likeliest = sorted(told.items(), key=lambda one: one[1]["rank"])
            for name, one in [pair for pair in likeliest if pair[1]["rank"] <= 2 * width]:
                if int(name) in ends:
                    complete_ones.append((tokens, total + one["logprob"], True))
                else:
                    grown.append(((*tokens, int(name)), total + one["logprob"], False))
        live = sorted(grown, key=score, reverse=True)[:width]
    return sorted(complete_ones + live, key=score, reverse=True)[:width]


@pytest.mark.parametrize("width, length_penalty", [(1, 1.0), (3, 1.0), (3, 0.0)])
def test_beam_search_equals_the_reference(server, width, length_penalty):
    prompt = ids_of(server, "Question: what is two plus two? Answer:")
    ends = ids_of(server, "<|im_end|>") + ids_of(server, "<|endoftext|>") + ids_of(server, ".")
    assert len(ends) == 3
    made = complete(server, prompt, n=width, use_beam_search=True, length_penalty=length_penalty, max_tokens=6,
                    stop_token_ids=ends, return_token_ids=True, logprobs=1)
    expected = reference_beams(server, prompt, width, 6, ends, length_penalty)
    for choice, (tokens, total, stopped) in zip(made.choices, expected, strict=True):
        shown = choice.token_ids[:-1] if stopped else choice.token_ids
        assert tuple(shown) == tokens
        assert choice.finish_reason == ("stop" if stopped else "length")
        if not stopped:
            assert math.isclose(sum(choice.logprobs.token_logprobs), total, abs_tol=1e-3)


def test_beam_search_in_a_chat(server):
    options = dict(model=server.model, messages=QUESTION, max_tokens=16)
    beams = server.client().chat.completions.create(n=4, extra_body={"use_beam_search": True}, **options)
    assert [choice.index for choice in beams.choices] == [0, 1, 2, 3]
    texts = [choice.message.content for choice in beams.choices]
    assert len(set(texts)) == 4 and all(texts)
    again = server.client().chat.completions.create(n=4, temperature=1.7, seed=9,
                                                    extra_body={"use_beam_search": True}, **options)
    assert [choice.message.content for choice in again.choices] == texts
    with pytest.raises(openai.BadRequestError) as refused:
        server.client().chat.completions.create(stream=True, extra_body={"use_beam_search": True}, **options)
    assert refused.value.body["param"] == "stream"


# ---- names and places

def test_request_id(server):
    reply = post(server, request_id="lesson-4.a", max_tokens=1)
    assert reply.json()["id"] == "cmpl-lesson-4.a" and reply.headers["x-request-id"] == "lesson-4.a"
    headed = httpx.post(f"{server.url}/v1/completions", timeout=60, headers={"X-Request-Id": "from-the-header"},
                        json={"prompt": PROMPT, "max_tokens": 1, "request_id": "from-the-body"})
    assert headed.json()["id"] == "cmpl-from-the-header"


def test_cached_tokens_are_told_and_salts_keep_them_apart(server):
    prompt = "Salt and cache. " + LONG * 12

    def cached(**options):
        return complete(server, prompt, max_tokens=2, **options).usage.prompt_tokens_details.cached_tokens
    assert cached(cache_salt="one") == 0
    assert cached(cache_salt="one") > 100
    assert cached(cache_salt="two") == 0
    chunks = list(complete(server, prompt, max_tokens=2, cache_salt="two", stream=True,
                           stream_options={"include_usage": True}))
    assert chunks[-1].usage.prompt_tokens_details.cached_tokens > 100


def test_priority_is_taken(server):
    assert post(server, priority=-3, max_tokens=1).status_code == 200
