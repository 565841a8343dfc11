"""Row 27: one request gives one answer, bit for bit, whoever else is in its batch and whatever the cache holds."""
import asyncio
import itertools
import json
import random

from client import Connection
from row import Outcome, row
from serving import Server

PROMPT = "The old lighthouse keeper climbed the stairs every evening, and what he saw from the top was " * 6
ASKED = [{"prompt": PROMPT, "max_tokens": 16, "temperature": 0, "logprobs": 2, "ignore_eos": True},
         {"prompt": PROMPT, "max_tokens": 16, "temperature": 1.0, "seed": 27, "logprobs": 2, "ignore_eos": True}]


def company(source):
    words = " ".join(source.choice(["time", "river", "seven", "light"]) for _ in range(source.choice([1, 30, 400])))
    return {"prompt": words, "max_tokens": source.randrange(1, 40), "temperature": source.choice([0, 1.2]),
            "ignore_eos": True, "n": source.choice([1, 1, 3]), "stream": source.random() < 0.5}


async def measure(server, repeats):
    """The distinct answers (text and log-probabilities, to the digit) of each of ASKED."""
    source, left, answers = random.Random(27), itertools.count(), [set() for _ in ASKED]
    company_over = asyncio.Event()

    async def asker():
        async with Connection(server) as connection:
            while (i := next(left)) < repeats:
                # every third is computed afresh, the others find what is in the cache
                salt = {"cache_salt": f"fresh {i}"} if i % 3 == 0 else {}
                reply = await connection.ask("/v1/completions", {**ASKED[i % len(ASKED)], **salt})
                assert reply.status == 200, reply.body[:200]
                choice = reply.json()["choices"][0]
                answers[i % len(ASKED)].add(json.dumps([choice["text"], choice["logprobs"]]))

    async def others():
        async with Connection(server) as connection:
            while not company_over.is_set():
                assert (await connection.ask("/v1/completions", company(source))).status == 200
    around = [asyncio.create_task(others()) for _ in range(3)]
    await asyncio.gather(*(asker() for _ in range(12)))
    company_over.set()
    await asyncio.gather(*around)
    return [len(distinct) for distinct in answers]


@row("27", "batch invariance: repeats in random company")
def invariance(full):
    repeats = 1000 if full else 20
    server = Server("--max-model-len", "1024", "--max-num-seqs", "16")
    try:
        distinct = asyncio.run(measure(server, repeats))
    finally:
        server.stop()
    return Outcome(f"{repeats} repeats: {distinct[0]} distinct greedy, {distinct[1]} drawn with a seed", "1 and 1",
                   distinct == [1] * len(ASKED))
