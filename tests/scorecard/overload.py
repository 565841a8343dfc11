"""Rows 4 and 5: ten times what the server can do. Who is taken in is served as ever, the others know at once."""
import asyncio
import collections
import random
import time

from client import Connection, Refused, ask, idle, wait_for
from row import Outcome, percentile, row
from serving import Server

PLACES = 8
# In the server at once, running or waiting: as many as run. Whoever would wait is told to come again.
MOST = PLACES
MOST_TOKENS = 1000  # of prompts, not yet computed
BODY = {"prompt": "The story begins", "ignore_eos": True, "temperature": 0}
# Answers differ in length, as people's do. Were all alike, the places would empty together, for ever: whoever waits
# would wait a whole turn. Like is compared with like, and the worst counts: among all together the long ones' own time
# would hide the short ones' wait.
LENGTHS = range(12, 37)
CLASSES = (range(12, 20), range(20, 28), range(28, 37))
_seen = {}  # row 5 is the same run


async def served(connection, tokens):
    """(tokens, seconds)"""
    begin = time.monotonic()
    async for _ in connection.stream("/v1/completions", {**BODY, "max_tokens": tokens}):
        pass
    return tokens, time.monotonic() - begin


async def normal(server, source, count):
    """Every place taken, nobody waiting: the (tokens, seconds) of each request, and how many a second."""
    took, left = [], count

    async def client():
        nonlocal left
        async with Connection(server) as connection:
            while left > 0:
                left -= 1
                took.append(await served(connection, source.choice(LENGTHS)))
    begin = time.monotonic()
    await asyncio.gather(*(client() for _ in range(PLACES)))
    return took, len(took) / (time.monotonic() - begin)


async def flood(server, source, rate, seconds):
    """Poisson arrivals, `rate` a second, each on a connection of a pool."""
    seen = {"accepted": [], "refused": [], "advice": [], "waiting": [], "running": [], "failed": []}
    pool, tasks = [], set()

    async def one():
        connection = pool.pop() if pool else None
        if connection is None or connection.reader.at_eof():  # idle too long: the server has closed it
            connection = await Connection(server).open()
        begin = time.monotonic()
        try:
            seen["accepted"].append(await served(connection, source.choice(LENGTHS)))
        except Refused as refusal:
            seen["refused"].append(time.monotonic() - begin)
            seen["advice"].append(refusal.reply.headers.get("retry-after", ""))
            if refusal.reply.status != 503:
                seen["failed"].append(str(refusal))
        except (OSError, asyncio.IncompleteReadError) as problem:
            seen["failed"].append(repr(problem))
            return
        pool.append(connection)

    async def watch():
        async with Connection(server) as connection:
            while True:
                now = (await connection.ask("/load")).json()
                seen["waiting"].append(now["waiting"])
                seen["running"].append(now["running"])
                await asyncio.sleep(0.05)
    watcher = asyncio.create_task(watch())
    end, next_at = time.monotonic() + seconds, time.monotonic()
    while time.monotonic() < end:
        next_at += source.expovariate(rate)
        await asyncio.sleep(max(0.0, next_at - time.monotonic()))
        task = asyncio.create_task(one())
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)
    watcher.cancel()
    for connection in pool:
        connection.close()
    await wait_for(server, idle)
    return seen


async def long_prompts(server):
    """More prompt tokens at once than may be queued: (the most queued, requests accepted, refused)."""
    async def one(number):
        return (await ask(server, "/v1/completions", {"prompt": [100 + number] * 300, "max_tokens": 1})).status

    async def watch():
        async with Connection(server) as connection:
            while True:
                seen.append((await connection.ask("/load")).json()["queued_tokens"])
    seen, statuses = [], []
    watcher = asyncio.create_task(watch())
    for turn in range(5):
        statuses += await asyncio.gather(*(one(40 * turn + i) for i in range(40)))
    watcher.cancel()
    await wait_for(server, idle)
    return max(seen), statuses.count(200), statuses.count(503)


def run(full):
    if full in _seen:
        return _seen[full]
    server = Server("--max-model-len", "512", "--max-num-seqs", str(PLACES), "--max-num-queued-reqs", str(MOST),
                    "--max-num-queued-tokens", str(MOST_TOKENS))
    try:
        async def in_turn():
            source = random.Random(4)
            await normal(server, source, 2 * PLACES)  # warm
            alone, rate, seen = [], 0.0, collections.defaultdict(list)
            for _ in range(10 if full else 2):  # in turn: what else the machine does changes by the minute
                took, rate = await normal(server, source, 10 * PLACES)
                alone += took
                for key, values in (await flood(server, source, 10 * rate, 30 if full else 3)).items():
                    seen[key] += values
            return alone, rate, seen, await long_prompts(server)
        _seen[full] = asyncio.run(in_turn())
    finally:
        server.stop()
    return _seen[full]


def by_length(alone, accepted):
    """By class of lengths: the slowest percent's (normal, loaded) seconds."""
    return {f"{lengths[0]} to {lengths[-1]} tokens":
            tuple(percentile([s for tokens, s in taken if tokens in lengths], 99) for taken in (alone, accepted))
            for lengths in CLASSES}


@row("4", "overload: 10 x capacity")
def overload(full):
    alone, rate, seen, _ = run(full)
    alone_s, accepted_s = ([seconds for _, seconds in taken] for taken in (alone, seen["accepted"]))
    slowest = by_length(alone, seen["accepted"])
    worst, (usual, loaded) = max(slowest.items(), key=lambda entry: entry[1][1] / entry[1][0])
    refusal = percentile(seen["refused"], 99)
    advised = all(text.isdigit() and 1 <= int(text) <= 60 for text in seen["advice"])
    # quick: the client and the others on this machine take the same cores
    most, most_refusal = (1.5, 0.050) if full else (4.0, 0.5)
    holds = not seen["failed"] and advised and loaded <= most * usual and refusal < most_refusal
    return Outcome(f"accepted p99 {loaded / usual:.2f} x normal ({loaded * 1e3:.0f} of {usual * 1e3:.0f} ms; {worst}); refusals p50 "
                   f"{percentile(seen['refused'], 50) * 1e3:.1f} p99 {refusal * 1e3:.1f} ms, Retry-After on "
                   f"{'all' if advised else 'NOT all'}",
                   f"<= {most} x; < {most_refusal * 1e3:.0f} ms with Retry-After", holds,
                   {"capacity_per_s": rate, "accepted": len(seen["accepted"]), "refused": len(seen["refused"]),
                    "failed": seen["failed"][:5], "advice": sorted(set(seen["advice"])),
                    "ratio_by_length": {name: loaded / usual for name, (usual, loaded) in slowest.items()},
                    "refused_worst_ms": 1e3 * max(seen["refused"]),
                    "normal_ms": {str(p): 1e3 * percentile(alone_s, p) for p in (50, 90, 99)},
                    "accepted_ms": {str(p): 1e3 * percentile(accepted_s, p) for p in (50, 90, 99)}})


@row("5", "queue bound, same run")
def queue_bound(full):
    _, _, seen, (tokens, accepted, refused) = run(full)
    waiting, running = max(seen["waiting"]), max(seen["running"])
    together = max(w + r for w, r in zip(seen["waiting"], seen["running"]))
    return Outcome(f"at most {running} running, {waiting} waiting, {together} together; {tokens} prompt tokens queued "
                   f"({accepted} accepted, {refused} refused)",
                   f"<= {MOST} together; <= {MOST_TOKENS} tokens",
                   together <= MOST and len(seen["refused"]) > 0 and tokens <= MOST_TOKENS and refused > 0 < accepted,
                   {"samples": len(seen["waiting"])})
