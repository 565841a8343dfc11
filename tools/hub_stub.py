"""A local stand-in for the hubs that models come from, for tests: well behaved, or broken in chosen ways.

It speaks enough of the Hugging Face hub's API and of ModelScope's for `atelier pull`: listings, files with
Range, redirects to a second host ("the CDN", another port), hashes. Faults are set per file or for the whole
hub; every request is kept in `requests`, so that a test can see what was asked and with which headers.

    with HubStub() as hub:
        hub.add_repo("org/name", {"config.json": b"{}", "model.safetensors": b"..."})
        hub.faults["model.safetensors"] = Fault(drop_after=1000, times=2)
        subprocess.run([...], env={"HF_ENDPOINT": hub.url, "MODELSCOPE_ENDPOINT": hub.modelscope_url})

By hand: python3 tools/hub_stub.py org/name FILE... serves these files and prints the address.
"""

import dataclasses
import hashlib
import http.server
import json
import pathlib
import sys
import threading
import time
import urllib.parse


@dataclasses.dataclass
class Fault:
    """What goes wrong with a file's download. `times` counts down per request; -1: always."""

    times: int = -1
    status: int = 0  # answer this and no body
    retry_after: str = ""  # header beside `status`
    drop_after: int = -1  # close the connection after this many bytes of the body
    stall_after: int = -1  # send this many bytes, then nothing (until the stub closes)
    hang: float = 0.0  # seconds before the answer
    slow: float = 0.0  # seconds between pieces of 64 KiB
    wrong_bytes: bool = False  # right size, one byte flipped
    ignore_range: bool = False  # answer 200 with everything
    wrong_range: bool = False  # answer 206, but from byte 0
    content_length: int = 0  # added to the true Content-Length
    chunked: bool = False  # no Content-Length at all
    linked_size: int = 0  # added to the true X-Linked-Size
    linked_etag: str = ""  # instead of the true hash
    redirect: str = ""  # go there instead
    extra_body: bytes = b""  # after the file's end (with chunked: as part of the body)


class Hub:
    """Repositories by id, and how the two APIs describe them."""

    def __init__(self):
        self.repos = {}
        self.faults = {}
        self.listing_fault = None  # for the listing of either API; a Fault with status or hang
        self.listing_body = None  # bytes to answer instead of a listing
        self.size_lie = {}  # file name -> bytes added to the size in listings
        self.blobs_in_listing = True  # False: a mirror that lists names only
        self.token = ""  # needed where set
        self.requests = []  # (server, method, path, headers)
        self.lock = threading.Lock()

    def add_repo(self, repo, files):
        self.repos[repo] = dict(files)

    def commit(self, repo):
        names = "".join(sorted(self.repos[repo]))
        return hashlib.sha1((repo + names).encode()).hexdigest()

    def is_lfs(self, name):
        return name.endswith((".safetensors", ".gguf"))

    def etag(self, name, data):
        if self.is_lfs(name):
            return hashlib.sha256(data).hexdigest()
        return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()

    def hugging_face_listing(self, repo):
        siblings = []
        for name, data in self.repos[repo].items():
            entry = {"rfilename": name}
            if self.blobs_in_listing:
                size = len(data) + self.size_lie.get(name, 0)
                entry |= {"size": size, "blobId": hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()}
                if self.is_lfs(name):
                    sha256 = hashlib.sha256(data).hexdigest()
                    entry["lfs"] = {"sha256": sha256, "size": size, "pointerSize": 134}
            siblings.append(entry)
        return {"id": repo, "sha": self.commit(repo), "private": False, "siblings": siblings}

    def hugging_face_tree(self, repo):
        return [{"type": "file", "path": name, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}
                for name, data in self.repos[repo].items()]

    def modelscope_listing(self, repo):
        files = [{"Name": "sub", "Path": "sub", "Size": 0, "Type": "tree", "Sha256": ""}]
        for name, data in self.repos[repo].items():
            size = len(data) + self.size_lie.get(name, 0)
            sha256 = hashlib.sha256(data).hexdigest()
            files.append({"Name": name.split("/")[-1], "Path": name, "Size": size, "Type": "blob", "Sha256": sha256})
        return {"Code": 200, "Success": True, "Message": "success", "Data": {"Files": files}}

    def take_fault(self, name):
        with self.lock:
            fault = self.faults.get(name)
            if fault is None or fault.times == 0:
                return Fault()
            if fault.times > 0:
                fault.times -= 1
            return fault


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.answer()

    def do_GET(self):
        self.answer()

    def answer(self):
        hub = self.server.hub
        with hub.lock:
            hub.requests.append((self.server.role, self.command, self.path, dict(self.headers)))
        try:
            getattr(self, "answer_" + self.server.role)(urllib.parse.urlsplit(self.path))
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def answer_hub(self, url):
        hub, parts = self.server.hub, [urllib.parse.unquote(part) for part in url.path.strip("/").split("/")]
        if hub.token and self.headers.get("Authorization") != f"Bearer {hub.token}":
            return self.send_status(401)
        if parts[:2] == ["api", "models"] and len(parts) == 6 and parts[4] == "revision":
            return self.send_listing("/".join(parts[2:4]), hub.hugging_face_listing)
        if parts[:2] == ["api", "models"] and parts[4:5] == ["tree"]:  # what Hugging Face's own client asks
            return self.send_listing("/".join(parts[2:4]), hub.hugging_face_tree)
        if len(parts) >= 5 and parts[2] == "resolve":
            return self.send_resolved("/".join(parts[:2]), parts[3], "/".join(parts[4:]))
        return self.send_status(404)

    def answer_modelscope(self, url):
        hub, parts = self.server.hub, [urllib.parse.unquote(part) for part in url.path.strip("/").split("/")]
        query = dict(urllib.parse.parse_qsl(url.query))
        if parts[:3] != ["api", "v1", "models"] or query.get("Revision") != "master":
            return self.send_status(404)
        repo = "/".join(parts[3:5])
        if parts[5:] == ["repo", "files"]:
            return self.send_listing(repo, hub.modelscope_listing)
        data = hub.repos.get(repo, {}).get(query.get("FilePath"))
        if parts[5:] != ["repo"] or data is None:
            return self.send_status(404)
        return self.send_file(data, hub.take_fault(query["FilePath"]), {})

    def answer_cdn(self, url):
        parts = urllib.parse.unquote(url.path).strip("/").split("/")
        data = self.server.hub.repos.get("/".join(parts[:2]), {}).get("/".join(parts[2:]))
        if data is None:
            return self.send_status(404)
        return self.send_file(data, self.server.hub.take_fault("/".join(parts[2:])), {"ETag": '"not-the-hash"'})

    def send_listing(self, repo, make):
        hub = self.server.hub
        fault = hub.listing_fault or Fault()
        time.sleep(fault.hang)
        if fault.status:
            return self.send_status(fault.status, fault.retry_after)
        if repo not in hub.repos:
            return self.send_status(404)
        body = hub.listing_body if hub.listing_body is not None else json.dumps(make(repo)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def send_resolved(self, repo, commit, name):
        """As the real hub: small files here, large ones by a redirect that carries size and hash."""
        hub = self.server.hub
        data = hub.repos.get(repo, {}).get(name)
        if data is None or commit != hub.commit(repo):
            return self.send_status(404)
        headers = {"X-Repo-Commit": commit, "ETag": f'"{hub.etag(name, data)}"'}
        if not hub.is_lfs(name):
            return self.send_file(data, hub.take_fault(name), headers)
        fault = hub.faults.get(name, Fault())
        self.send_response(302)
        self.send_header("X-Repo-Commit", commit)
        self.send_header("X-Linked-Size", str(len(data) + fault.linked_size))
        self.send_header("X-Linked-Etag", f'"{fault.linked_etag or hub.etag(name, data)}"')
        target = f"{self.server.cdn_url}/{repo}/{urllib.parse.quote(name)}"
        self.send_header("Location", fault.redirect or target)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def send_file(self, data, fault, headers):
        time.sleep(fault.hang)
        if fault.status:
            return self.send_status(fault.status, fault.retry_after)
        start, wanted = 0, self.headers.get("Range", "")
        if wanted.startswith("bytes=") and not fault.ignore_range:
            start = int(wanted[6:].split("-")[0])
            if start >= len(data):
                return self.send_status(416)
            first = 0 if fault.wrong_range else start
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
        else:
            self.send_response(200)
        for name, value in headers.items():
            self.send_header(name, value)
        if fault.wrong_bytes:
            data = data[:-1] + bytes([data[-1] ^ 1])
        body = data[start:] + fault.extra_body
        if fault.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(len(data) - start + fault.content_length))
        self.end_headers()
        if self.command != "HEAD":
            self.send_body(body, fault)

    def send_body(self, body, fault):
        limit = min([at for at in (fault.drop_after, fault.stall_after) if at >= 0], default=len(body))
        for at in range(0, min(limit, len(body)), 65536):
            piece = body[at : min(at + 65536, limit)]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if fault.chunked else piece)
            time.sleep(fault.slow)
        if fault.chunked and limit >= len(body):
            self.wfile.write(b"0\r\n\r\n")
        if fault.stall_after >= 0:
            self.wfile.flush()
            self.server.stopping.wait(60)
        if limit < len(body) or fault.content_length > 0 or fault.stall_after >= 0:
            self.close_connection = True

    def send_status(self, status, retry_after=""):
        self.send_response(status)
        if retry_after:
            self.send_header("Retry-After", retry_after)
        self.send_header("Content-Length", "0")
        self.end_headers()


class HubStub(Hub):
    """The hub, ModelScope and the CDN on three ports of 127.0.0.1, each in its threads, until closed."""

    def __enter__(self):
        self.stopping = threading.Event()
        self.servers = {role: self.start_server(role) for role in ("cdn", "hub", "modelscope")}
        self.cdn_url, self.url, self.modelscope_url = (self.url_of(role) for role in ("cdn", "hub", "modelscope"))
        self.servers["hub"].cdn_url = self.cdn_url
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for server in self.servers.values():
            server.shutdown()
            server.server_close()

    def start_server(self, role):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        server.hub, server.role, server.stopping = self, role, self.stopping
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return server

    def url_of(self, role):
        return f"http://127.0.0.1:{self.servers[role].server_address[1]}"

    def asked(self, role, method="GET"):
        """(path, headers) of the requests that one of the servers got."""
        return [(path, headers) for who, how, path, headers in self.requests if who == role and how == method]


def main():
    if len(sys.argv) < 3:
        sys.exit("usage: hub_stub.py org/name FILE...")
    with HubStub() as hub:
        hub.add_repo(sys.argv[1], {pathlib.Path(file).name: pathlib.Path(file).read_bytes() for file in sys.argv[2:]})
        print(f"HF_ENDPOINT={hub.url} MODELSCOPE_ENDPOINT={hub.modelscope_url}", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
