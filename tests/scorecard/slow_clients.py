"""Rows 9 and 10: clients that read, or write, a byte a second."""
import asyncio
import socket
import time

from client import Connection, gaps, idle, message, wait_for
from process import descriptors, rss_bytes
from row import Outcome, percentile, row
from serving import Server

# twenty alternatives a token: 0.8 KB each, and the socket takes about 190 KB
TALKATIVE = {"prompt": "Once upon a time", "max_tokens": 480, "ignore_eos": True, "stream": True, "logprobs": 20}
PROBE = {"prompt": "The story begins", "max_tokens": 60, "ignore_eos": True, "temperature": 0}


def small_socket(server):
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(("127.0.0.1", server.port))
    connection.setblocking(False)
    return connection


async def read_slowly(connection, bytes_per_second, ended):
    """Reads until the server cuts; ended.append(seconds it took)."""
    loop, begin = asyncio.get_running_loop(), time.monotonic()
    await loop.sock_sendall(connection, message("/v1/completions", TALKATIVE))
    try:
        while True:
            piece = await loop.sock_recv(connection, 1 if bytes_per_second else 1 << 16)
            if not piece or (not bytes_per_second and piece.endswith(b"0\r\n\r\n")):
                break
            if bytes_per_second:
                await asyncio.sleep(1 / bytes_per_second)
                if connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != 1:  # no more established
                    break
    except OSError:
        pass
    finally:
        connection.close()
    ended.append(time.monotonic() - begin)


async def beside_readers(server, count, bytes_per_second, patience_s):
    """Inter-token times of healthy streams beside `count` readers, the server's memory at its most (over the
    beginning), and the seconds until each reader was served or cut."""
    ended, found, most = [], [], rss_bytes(server.process.pid)
    base = most
    readers = [asyncio.create_task(read_slowly(small_socket(server), bytes_per_second, ended)) for _ in range(count)]
    await wait_for(server, lambda now: now["running"] >= count)
    while len(found) < 3:
        found.append(await gaps(server, PROBE))
        most = max(most, rss_bytes(server.process.pid))
    end = time.monotonic() + patience_s
    while len(ended) < count and time.monotonic() < end:
        most = max(most, rss_bytes(server.process.pid))
        await asyncio.sleep(0.2)
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    await wait_for(server, idle, patience_s=120)
    return [gap for each in found for gap in each], most - base, ended


@row("9", "readers at a byte a second")
def slow_readers(full):
    count = 100 if full else 6
    # without the prefix cache the same blocks serve again: what memory grows by is the connections'
    server = Server("--max-model-len", "512", "--max-num-seqs", str(count + 4), "--no-enable-prefix-caching")
    try:
        async def both():
            if not full:
                await beside_readers(server, count, 0, 600)  # warm
            fast = await beside_readers(server, count, 0, 600)
            return fast, await beside_readers(server, count, 1, 120 if full else 0)
        (fast, _, _), (slow, grown, ended) = asyncio.run(both())
    finally:
        server.stop()
    ratio = percentile(slow, 99) / percentile(fast, 99)
    each_kib = grown / count / 1024
    most_ratio = 1.1 if full else 3.0  # quick: few tokens on a machine that is shared
    cut = len(ended) == count if full else True
    return Outcome(f"others' inter-token p99 {ratio:.2f} x that beside {count} fast readers; {each_kib:.0f} KiB for each; "
                   + (f"{len(ended)} of {count} cut, {min(ended, default=0):.0f} to {max(ended, default=0):.0f} s after "
                      "they began" if full else "cutting is left to the full form"),
                   f"<= {most_ratio} x; <= 256 KiB for each" + ("; all cut 30 s after nothing moves" if full else ""),
                   ratio <= most_ratio and each_kib <= 256 and cut,
                   {"fast_p99_ms": 1e3 * percentile(fast, 99), "slow_p99_ms": 1e3 * percentile(slow, 99),
                    "fast_p50_ms": 1e3 * percentile(fast, 50), "slow_p50_ms": 1e3 * percentile(slow, 50)})


BEGINNINGS = {
    "silent": b"",
    "header": b"GET / HTTP/1.1\r\nHost: x\r\n",
    "body": b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{",
}
DRIP = {"silent": b"", "header": b"X-A: b\r\n", "body": b" "}


async def drip(server, kind, closed):
    """Says a little every three seconds and never ends; closed.append(seconds until the server closed)."""
    loop, connection = asyncio.get_running_loop(), small_socket(server)
    begin = time.monotonic()
    try:
        await loop.sock_sendall(connection, BEGINNINGS[kind])
        while True:
            try:
                if not await asyncio.wait_for(loop.sock_recv(connection, 4096), 3.0):
                    break
            except asyncio.TimeoutError:
                await loop.sock_sendall(connection, DRIP[kind])
    except OSError:
        pass
    finally:
        connection.close()
    closed.append(time.monotonic() - begin)


async def healthy(server, seconds):
    """The seconds of small completions, one after the other."""
    took, end = [], time.monotonic() + seconds
    async with Connection(server) as connection:
        while time.monotonic() < end:
            begin = time.monotonic()
            reply = await connection.ask("/v1/completions", {"prompt": "Once", "max_tokens": 4, "temperature": 0})
            assert reply.status == 200
            took.append(time.monotonic() - begin)
    return took


async def one_wave(server, count, seconds):
    """(seconds of healthy requests before, during, seconds until each attacker was closed)"""
    before, closed, kinds = await healthy(server, seconds), [], list(BEGINNINGS)
    attackers = [asyncio.create_task(drip(server, kinds[i % len(kinds)], closed)) for i in range(count)]
    during = await healthy(server, seconds)
    await asyncio.wait(attackers, timeout=30)
    for attacker in attackers:
        attacker.cancel()
    await asyncio.gather(*attackers, return_exceptions=True)
    return before, during, closed


async def attack(server, waves, count, seconds):
    """The waves' numbers together, and how many descriptors the server has more than before."""
    await healthy(server, 1.0)
    fds, before, during, closed = descriptors(server.process.pid), [], [], []
    for _ in range(waves):
        for all_of_them, some in zip((before, during, closed), await one_wave(server, count, seconds)):
            all_of_them += some
    deadline = time.monotonic() + 5
    while (more := descriptors(server.process.pid) - fds) > 0 and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    return before, during, closed, more


@row("10", "half-open connections")
def half_open(full):
    waves, count, seconds = (3, 1000, 8.0) if full else (1, 90, 3.0)
    server = Server("--max-model-len", "512")
    try:
        before, during, closed, more = asyncio.run(attack(server, waves, count, seconds))
    finally:
        server.stop()
    ratio = percentile(during, 99) / percentile(before, 99)
    most = 2.0 if full else 4.0  # quick: the attackers run on the same cores as everything else
    worst = max(closed, default=999.0)
    return Outcome(f"healthy p99 {ratio:.2f} x; {len(closed)} of {waves * count} closed, the last after {worst:.1f} s; "
                   f"{max(more, 0)} descriptors more", f"<= {most} x; all <= 15 s; 0 more",
                   ratio <= most and len(closed) == waves * count and worst <= 15 and more <= 0,
                   {f"{when}_ms": {str(p): 1e3 * percentile(took, p) for p in (50, 90, 99)}
                    for when, took in (("before", before), ("during", during))})
