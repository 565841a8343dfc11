"""Clients of the scorecard: plain sockets, so that each can be as rude as its row needs."""
import asyncio
import json
import socket
import time


def message(path, body, headers=""):
    text = json.dumps(body).encode()
    return (f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{headers}"
            f"Content-Length: {len(text)}\r\n\r\n").encode() + text


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)


class Connection:
    """One keep-alive connection; ask() for one request after the other, or stream() for events."""

    def __init__(self, server):
        self.port = server.port
        self.reader = self.writer = None

    async def open(self):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 24)
        self.writer.transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self

    async def __aenter__(self):
        return await self.open()

    async def __aexit__(self, *_):
        self.close()

    def close(self):
        if self.writer is not None:
            self.writer.transport.abort()

    async def _head(self):
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        return int(head[0].split()[1]), headers

    async def _chunks(self):
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            yield (await self.reader.readexactly(size + 2))[:-2]
        await self.reader.readexactly(2)

    async def ask(self, path, body=None):
        self.writer.write(message(path, body) if body is not None else f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        status, headers = await self._head()
        if headers.get("transfer-encoding") == "chunked":
            return Reply(status, headers, b"".join([chunk async for chunk in self._chunks()]))
        return Reply(status, headers, await self.reader.readexactly(int(headers.get("content-length", 0))))

    async def stream(self, path, body):
        """The events of a stream as (seconds since the epoch of time.monotonic, object); [DONE] is None.
        A refusal raises Refused."""
        self.writer.write(message(path, {**body, "stream": True}))
        status, headers = await self._head()
        if status != 200:
            raise Refused(Reply(status, headers, await self.reader.readexactly(int(headers["content-length"]))))
        rest = b""
        async for chunk in self._chunks():
            *events, rest = (rest + chunk).split(b"\n\n")
            for event in events:
                said = event.removeprefix(b"data: ")
                yield time.monotonic(), None if said == b"[DONE]" else json.loads(said)


class Refused(Exception):
    def __init__(self, reply):
        super().__init__(f"{reply.status}: {reply.body[:200]}")
        self.reply = reply


async def ask(server, path, body=None):
    async with Connection(server) as connection:
        return await connection.ask(path, body)


async def load(server):
    return (await ask(server, "/load")).json()


async def wait_for(server, holds, patience_s=30.0, pause_s=0.002):
    """Asks /load on one connection until holds(load); the seconds it took."""
    begin = time.monotonic()
    async with Connection(server) as connection:
        while not holds(now := (await connection.ask("/load")).json()):
            assert time.monotonic() - begin < patience_s, f"after {patience_s} s: {now}"
            await asyncio.sleep(pause_s)
    return time.monotonic() - begin


def idle(load_now):
    return load_now["server_load"] == 0 and load_now["kv_blocks_used"] == 0


async def text_of(server, body):
    reply = await ask(server, "/v1/completions", body)
    assert reply.status == 200, reply.body[:300]
    return reply.json()["choices"][0]["text"]


async def gaps(server, body):
    """The seconds between the tokens of one stream."""
    async with Connection(server) as connection:
        times = [at async for at, event in connection.stream("/v1/completions", body) if event]
    return [b - a for a, b in zip(times, times[1:])]
