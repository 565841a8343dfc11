"""What a thousand streams cost that wait and say nothing."""
import asyncio

from client import Connection, message, wait_for
from process import rss_bytes
from row import Outcome, row
from serving import Server

BODY = {"prompt": "Once upon a time", "max_tokens": 5, "stream": True}


async def measure(server, count):
    """Bytes that `count` streams add, each open with its header received and waiting for its turn."""
    async with Connection(server) as first:
        first.writer.write(message("/v1/completions", {**BODY, "max_tokens": 8000, "ignore_eos": True}))
        await first.reader.readuntil(b"\r\n\r\n")
        await wait_for(server, lambda now: now["running"] == 1)
        before, streams = rss_bytes(server.process.pid), []
        for _ in range(count):
            streams.append(await Connection(server).open())
            streams[-1].writer.write(message("/v1/completions", BODY))
        for stream in streams:
            await stream.reader.readuntil(b"\r\n\r\n")
        waiting = (await first_load(server))["waiting"]
        grown = rss_bytes(server.process.pid) - before
        for stream in streams:
            stream.close()
    await wait_for(server, lambda now: now["server_load"] == 0)
    return grown, waiting


async def first_load(server):
    async with Connection(server) as connection:
        return (await connection.ask("/load")).json()


@row("idle", "1,000 idle event streams")
def idle_streams(full):
    count = 1000
    server = Server("--max-model-len", "8192", "--max-num-seqs", "1")
    try:
        grown, waiting = asyncio.run(measure(server, count))
    finally:
        server.stop()
    return Outcome(f"{grown / 2**20:.1f} MiB for {count} ({grown / count / 1024:.1f} KiB each), {waiting} waiting", "<= 50 MB",
                   grown <= 50e6 and waiting == count)
