"""Row 26: whether somebody else's prompt was here before cannot be told from the time to the first token.
cache_salt stands for the tenant."""
import asyncio
import random
import time

from client import Connection
from row import Outcome, row
from serving import Server

TOKENS = 160


def prompt(source):
    return [1000 + source.randrange(30000) for _ in range(TOKENS)]


async def first_token(connection, ids, salt):
    """(seconds to the first token, tokens of the prompt that were found in the cache)"""
    begin, first, cached = time.monotonic(), None, 0
    body = {"prompt": ids, "max_tokens": 1, "ignore_eos": True, "cache_salt": salt, "stream_options": {"include_usage": True}}
    async for at, event in connection.stream("/v1/completions", body):
        if first is None:
            first = at - begin
        if event and event.get("usage"):
            cached = (event["usage"].get("prompt_tokens_details") or {}).get("cached_tokens", 0)
    return first, cached


def auc(seen, unseen):
    """How often a classifier that calls the faster one 'seen' is right; 0.5 = it knows nothing."""
    wins = sum((a < b) + (a == b) / 2 for a in seen for b in unseen)
    return wins / (len(seen) * len(unseen))


async def measure(server, pairs, other_salt):
    """Somebody sends a prompt; whoever has `other_salt` times it and one that nobody sent, in random order."""
    source, seen, unseen, found = random.Random(26), [], [], 0
    async with Connection(server) as connection:
        for _ in range(pairs):
            known, fresh = prompt(source), prompt(source)
            await first_token(connection, known, "theirs")
            for ids in source.sample([known, fresh], 2):
                took, cached = await first_token(connection, ids, other_salt)
                (seen if ids is known else unseen).append(took)
                found += cached if other_salt != "theirs" else ids is known and cached > 0
    return auc(seen, unseen), found


@row("26", "cache isolation: timing tells nothing across tenants")
def isolation(full):
    pairs, own_pairs = (400, 60) if full else (30, 6)
    server = Server("--max-model-len", "512", "--max-num-seqs", "4")
    try:
        across, leaked = asyncio.run(measure(server, pairs, "mine"))
        within, hits = asyncio.run(measure(server, own_pairs, "theirs"))
    finally:
        server.stop()
    most = 0.55 if full else 0.72  # quick: thirty pairs alone scatter by 0.075
    return Outcome(f"AUC {across:.3f} across, {leaked} tokens found; within a tenant AUC {within:.3f}, {hits} of {own_pairs} hit",
                   f"<= {most} across, 0 found; within all hit", across <= most and leaked == 0 and hits == own_pairs,
                   {"pairs": pairs})
