"""Row 1: whatever ordinary people ask, thirty-two at once, is answered at the first try."""
import asyncio
import random

from client import Connection, idle, wait_for
from row import Outcome, row
from serving import Server

COMPLETIONS, CHAT = "/v1/completions", "/v1/chat/completions"


def requests(count):
    """(path, body, what the answer must satisfy), from a fixed seed; a None body is a GET."""
    source = random.Random(1)
    for i in range(count):
        words = " ".join(source.choice(["time", "river", "seven", "light", "Paris", "tree"]) for _ in range(source.choice([3, 20, 200])))
        tokens = source.randrange(1, 24)
        common = {"max_tokens": tokens, "temperature": source.choice([0, 0.7, 1.3]), "seed": i}
        talk = {"messages": [{"role": "user", "content": words}], **common}
        yield source.choice([
            (CHAT, talk, lambda r: r["choices"][0]["finish_reason"] in ("stop", "length")),
            (CHAT, {**talk, "stream": True}, None),
            (CHAT, {**talk, "n": 2, "logprobs": True, "top_logprobs": 3}, lambda r: len(r["choices"]) == 2),
            (COMPLETIONS, {"prompt": words, **common, "ignore_eos": True},
             lambda r, tokens=tokens: r["usage"]["completion_tokens"] == tokens),
            (COMPLETIONS, {"prompt": [words, "Once"], **common}, lambda r: len(r["choices"]) == 2),
            (COMPLETIONS, {"prompt": words, **common, "stop": ["e"], "stream": True}, None),
            (COMPLETIONS, {"prompt": words, **common, "best_of": 3}, lambda r: len(r["choices"]) == 1),
            ("/tokenize", {"prompt": words}, lambda r: r["count"] == len(r["tokens"])),
            ("/v1/models", None, lambda r: r["object"] == "list"),
        ])


async def answered(connection, path, body, holds):
    reply = await connection.ask(path, body)
    if reply.status != 200:
        return f"{path}: {reply.status} {reply.body[:120]}"
    if holds is None:
        return None if reply.body.endswith(b"data: [DONE]\n\n") else f"{path}: no end: {reply.body[-80:]}"
    return None if holds(reply.json()) else f"{path}: {reply.body[:200]}"


async def measure(server, count, at_once=32):
    waiting, problems = list(requests(count)), []

    async def one_client():
        async with Connection(server) as connection:
            while waiting:
                if (problem := await answered(connection, *waiting.pop())) is not None:
                    problems.append(problem)
    await asyncio.gather(*(one_client() for _ in range(at_once)))
    await wait_for(server, idle)
    return problems


@row("1", "success: mixed requests, 32 at once")
def success(full):
    count = 1000 if full else 60
    server = Server("--max-model-len", "2048")
    try:
        problems = asyncio.run(measure(server, count))
    finally:
        server.stop()
    return Outcome(f"{count - len(problems)} of {count}", "all, no retry", not problems, {"problems": problems[:5]})
