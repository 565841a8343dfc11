"""Rows 7 and 8: who goes frees what it held, in whatever phase it goes, and touches nobody else."""
import asyncio
import random
import time

from client import Connection, idle, message, text_of, wait_for
from row import Outcome, percentile, row
from serving import Server

PATH = "/v1/completions"


def rude_request(source):
    """A request that would take long, in one of the shapes that hold different things."""
    words = " ".join(source.choice(["noise", "river", "seven"]) for _ in range(source.choice([2, 50, 900])))
    body = {"prompt": words, "max_tokens": 700, "ignore_eos": True, "stream": source.random() < 0.5}
    shape = source.randrange(5)
    if shape == 0:
        body["n"] = 3
    elif shape == 1:
        body |= {"best_of": 3, "stream": False}
    elif shape == 2:
        body |= {"logprobs": 5, "echo": True}
    elif shape == 3:
        body = {"prompt": words, "max_tokens": 200, "use_beam_search": True, "n": 3, "temperature": 0}
    return message(PATH, body)


async def leave_at_random(server, source):
    """Begins a request, goes after a random while, mid-body now and then."""
    async with Connection(server) as connection:
        data = rude_request(source)
        if source.random() < 0.1:
            data = data[:source.randrange(len(data))]
        connection.writer.write(data)
        await asyncio.sleep(source.random() ** 2 * 0.4)


async def two_steps(server, source):
    """Seconds of two full steps: a prompt of 1,024 tokens that nobody has sent before, 512 at a time."""
    begin = time.monotonic()
    await text_of(server, {"prompt": [1000 + source.randrange(30000) for _ in range(1024)], "max_tokens": 1})
    return time.monotonic() - begin


async def measure_freeing(server, rounds, together):
    """Of each round: seconds from the last disconnect to an engine that holds nothing. With it, seconds of two
    steps, measured in turn: the machine is not the same from minute to minute."""
    source, took, steps = random.Random(7), [], []
    for i in range(rounds):
        await asyncio.gather(*(leave_at_random(server, source) for _ in range(together)))
        took.append(await wait_for(server, idle))
        if i % 4 == 0:
            steps.append(await two_steps(server, source))
    await wait_for(server, idle)
    return took, steps


@row("7", "a disconnect frees its blocks, in queue, prefill and decode")
def disconnect_frees(full):
    together = 5  # two run, three wait
    rounds = 200 if full else 8
    server = Server("--max-model-len", "2048", "--max-num-seqs", "2")
    try:
        took, steps = asyncio.run(measure_freeing(server, rounds, together))
        leaked = server.load()["kv_blocks_used"]
    finally:
        server.stop()
    worst, p99 = max(took), percentile(took, 99)
    most_s = max(0.2, percentile(steps, 99))
    return Outcome(f"{rounds * together} disconnects: p50 {percentile(took, 50) * 1e3:.0f}, p99 {p99 * 1e3:.0f}, worst "
                   f"{worst * 1e3:.0f} ms; {leaked} blocks leaked",
                   f"p99 <= 200 ms or two steps (p99 {most_s * 1e3:.0f} ms here); 0 leaked", p99 <= most_s and leaked == 0,
                   {"two_steps_ms": {str(p): 1e3 * percentile(steps, p) for p in (50, 99)}, "over_200_ms": sum(t > 0.2 for t in took)})


async def storm(server, count):
    """`count` cancels beside one stream after the other; (the stream's texts, cancels)."""
    body = {"prompt": "The story begins", "max_tokens": 50, "temperature": 0, "ignore_eos": True, "seed": 8}
    alone, source, cancels, beside = await text_of(server, body), random.Random(8), 0, []

    async def cancel_many():
        nonlocal cancels
        while cancels < count:
            cancels += 1
            async with Connection(server) as connection:
                connection.writer.write(rude_request(source))
                await asyncio.sleep(source.random() * 0.03)
    cancelling = asyncio.gather(*(cancel_many() for _ in range(4)))
    while not beside or not cancelling.done():
        beside.append(await text_of(server, body))
    await cancelling
    await wait_for(server, idle)
    return alone, beside, cancels


@row("8", "cancels beside a stream leave it as it was")
def cancel_isolation(full):
    server = Server("--max-model-len", "2048")
    begin = time.monotonic()
    try:
        alone, beside, cancels = asyncio.run(storm(server, 1000 if full else 60))
    finally:
        server.stop()
    same = sum(text == alone for text in beside)
    return Outcome(f"{same} of {len(beside)} streams byte-identical beside {cancels} cancels in "
                   f"{time.monotonic() - begin:.0f} s", "all", same == len(beside) > 0)
