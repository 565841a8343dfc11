"""Row 18, its soak: ten minutes of mixed traffic; memory, descriptors and threads stay where they were."""
import asyncio
import random
import time

from client import Connection, idle, wait_for
from disconnects import leave_at_random
from process import descriptors, rss_bytes, threads
from row import Outcome, row, slope
from serving import Server
from success import answered, requests


async def traffic(server, end):
    """Until `end`: ordinary clients and rude ones; what went wrong."""
    source, problems, served = random.Random(18), [], 0

    async def ordinary():
        nonlocal served
        while time.monotonic() < end:
            async with Connection(server) as connection:
                for request in requests(source.randrange(1, 12)):
                    if (problem := await answered(connection, *request)) is not None:
                        problems.append(problem)
                    served += 1

    async def rude():
        while time.monotonic() < end:
            await leave_at_random(server, source)
    await asyncio.gather(*(ordinary() for _ in range(8)), rude())
    await wait_for(server, idle)
    return problems, served


async def sampled(server, seconds, every_s, samples):
    pid, begin = server.process.pid, time.monotonic()
    while time.monotonic() - begin < seconds:
        await asyncio.sleep(every_s)
        samples.append((time.monotonic() - begin, rss_bytes(pid), descriptors(pid), threads(pid)))


async def measure(server, warm_s, most_warm_s, seconds):
    begin, before = time.monotonic(), 0
    while rss_bytes(server.process.pid) > before and time.monotonic() - begin < most_warm_s:
        before = rss_bytes(server.process.pid)  # the pool of keys and values is touched block by block
        await traffic(server, time.monotonic() + warm_s)
    at_rest = descriptors(server.process.pid)
    samples = []
    sampler = asyncio.create_task(sampled(server, seconds, seconds / 120, samples))
    problems, served = await traffic(server, time.monotonic() + seconds)
    await sampler
    await asyncio.sleep(0.5)
    return problems, served, samples, descriptors(server.process.pid) - at_rest


@row("18", "soak: memory, descriptors and threads stay flat")
def soak(full):
    warm_s, most_warm_s, seconds = (75, 750, 600) if full else (4, 4, 6)
    # a small pool of keys and values: the prefix cache has touched all of it before the clock starts
    server = Server("--max-model-len", "1024", "--max-num-seqs", "8", "--num-gpu-blocks-override", "288")
    try:
        problems, served, samples, fds_more = asyncio.run(measure(server, warm_s, most_warm_s, seconds))
    finally:
        server.stop()
    mib_per_hour = slope([(at / 3600, rss / 2**20) for at, rss, _, _ in samples])
    thread_counts = {count for _, _, _, count in samples}
    grown = (samples[-1][1] - samples[0][1]) / 2**20
    holds = not problems and fds_more <= 0 and len(thread_counts) == 1
    # a slope over seconds says nothing: quick asks only that nothing runs away
    holds = holds and (mib_per_hour < 1 if full else grown < 32)
    return Outcome(f"{served} requests in {seconds} s: {mib_per_hour:+.2f} MiB/h ({grown:+.2f} MiB in all), {max(fds_more, 0)} "
                   f"descriptors more, threads {sorted(thread_counts)}, {len(problems)} failures",
                   "< 1 MiB/h; 0 more; flat; 0" if full else "< 32 MiB in all; 0 more; flat; 0", holds,
                   {"problems": problems[:5], "rss_mib": [round(rss / 2**20, 2) for _, rss, _, _ in samples]})
