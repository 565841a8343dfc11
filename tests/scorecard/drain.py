"""Row 11: SIGTERM under load."""
import asyncio
import time

from client import Connection, Refused, message
from row import Outcome, row
from serving import Server

BODY = {"prompt": "Once", "max_tokens": 100, "ignore_eos": True, "stream_options": {"include_usage": True}}


async def tokens_of(connection, begun):
    """The completion tokens a stream says it had; begun is set with its first."""
    used = 0
    async for _, event in connection.stream("/v1/completions", BODY):
        begun.set()
        if event and event.get("usage"):
            used = event["usage"]["completion_tokens"]
    return used


async def drain_under_load(server, count):
    """(seconds until /ready says 503, tokens of each stream, wrong answers of other routes meanwhile)"""
    connections = [await Connection(server).open() for _ in range(count)]
    begun = [asyncio.Event() for _ in connections]
    streams = [asyncio.create_task(tokens_of(*each)) for each in zip(connections, begun)]
    await asyncio.gather(*(event.wait() for event in begun[:8]))
    probe, late = await Connection(server).open(), await Connection(server).open()
    begin = time.monotonic()
    server.process.terminate()
    while (await probe.ask("/ready")).status != 503:
        assert time.monotonic() - begin < 5
        await asyncio.sleep(0.002)
    ready_s, wrong = time.monotonic() - begin, []
    for path, wanted in (("/health", 200), ("/ping", 200), ("/version", 200), ("/load", 200), ("/ready", 503)):
        reply = await probe.ask(path)
        if reply.status != wanted:
            wrong.append(f"{path}: {reply.status}")
        if path == "/load" and reply.json()["running"] == 0:
            wrong.append("/load: nothing runs")
    refused = await late.ask("/v1/completions", {"prompt": "late", "max_tokens": 1})
    if refused.status != 503 or "retry-after" not in refused.headers:
        wrong.append(f"a new request: {refused.status} {refused.headers}")
    return ready_s, await asyncio.gather(*streams), wrong


async def kept_busy(server):
    """Endless streams, under way; their raw connections."""
    connections = []
    for _ in range(4):
        connections.append(await Connection(server).open())
        connections[-1].writer.write(message("/v1/completions", {**BODY, "max_tokens": 1900, "stream": True}))
        await connections[-1].reader.readuntil(b"data: ")
    return connections


async def told_the_truth(server):
    """Stops a busy server without patience: (seconds to its exit, streams that were told why)."""
    connections = await kept_busy(server)
    begin = time.monotonic()
    server.process.terminate()
    status = await asyncio.to_thread(server.process.wait, 30)
    took, told = time.monotonic() - begin, 0
    for connection in connections:
        rest = await connection.reader.read()
        told += b'"error"' in rest and b"[DONE]" in rest
    return status, took, told


@row("11", "drain: SIGTERM under load")
def drain(full):
    count = 32 if full else 12
    patient = Server("--max-model-len", "512", "--max-num-seqs", "16")
    hasty = Server("--max-model-len", "2048", "--shutdown-timeout", "0")
    try:
        ready_s, tokens, wrong = asyncio.run(drain_under_load(patient, count))
        status = patient.process.wait(30)
        hasty_status, exit_s, told = asyncio.run(told_the_truth(hasty))
    finally:
        patient.stop()
        hasty.stop()
    done = sum(used == BODY["max_tokens"] for used in tokens)
    most_ready_s = 0.1 if full else 0.5  # quick: a shared machine
    holds = (ready_s <= most_ready_s and done == count and not wrong and status == hasty_status == 0 and exit_s <= 4
             and told == 4)
    return Outcome(f"/ready 503 after {ready_s * 1e3:.0f} ms; {done} of {count} streams whole; with timeout 0 gone after "
                   f"{exit_s:.1f} s, {told} of 4 streams told why", f"<= {most_ready_s * 1e3:.0f} ms; all; <= 4 s, all", holds,
                   {"wrong": wrong, "exits": [status, hasty_status]})
