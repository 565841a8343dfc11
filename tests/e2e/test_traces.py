"""--otlp-traces-endpoint: a span of every request reaches a collector, in the trace its client began."""
import http.server
import json
import queue
import threading

import httpx
import pytest

from metrics_text import read, read_when

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Collector(http.server.ThreadingHTTPServer):
    """Takes OTLP/HTTP JSON in; answers `status`."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.spans, self.requests, self.status = queue.Queue(), [], 200
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append((self.path, self.headers["Content-Type"]))
        for resource in body["resourceSpans"]:
            names = {a["key"]: a["value"]["stringValue"] for a in resource["resource"]["attributes"]}
            for scope in resource["scopeSpans"]:
                for span in scope["spans"]:
                    self.server.spans.put({**span, "service": names["service.name"]})
        self.send_response(self.server.status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


@pytest.fixture
def collector():
    running = Collector()
    yield running
    running.shutdown()
    running.server_close()


def ask(server, traceparent=None, **body):
    headers = {"traceparent": traceparent} if traceparent else {}
    answer = httpx.post(f"{server.url}/v1/completions", headers=headers, timeout=60,
                        json={"model": server.model, "prompt": "A secret prompt", "max_tokens": 3, **body})
    assert answer.status_code == 200
    return answer


def attributes(span):
    return {a["key"]: next(iter(a["value"].values())) for a in span["attributes"]}


def test_spans_arrive(start_server, collector):
    server = start_server("--otlp-traces-endpoint", collector.url)
    answer = ask(server, f"00-{TRACE}-{PARENT}-01", temperature=0.5, top_p=0.9, ignore_eos=True)
    span = collector.spans.get(timeout=10)
    assert collector.requests[0] == ("/v1/traces", "application/json")
    assert span["service"] == "atelier" and span["name"] == "llm_request" and span["kind"] == 2
    assert span["traceId"] == TRACE and span["parentSpanId"] == PARENT and len(span["spanId"]) == 16
    assert int(span["startTimeUnixNano"]) < int(span["endTimeUnixNano"])
    has = attributes(span)
    assert has["gen_ai.request.id"] == answer.headers["x-request-id"]
    assert has["gen_ai.response.model"] == server.model
    assert int(has["gen_ai.usage.prompt_tokens"]) == answer.json()["usage"]["prompt_tokens"]
    assert int(has["gen_ai.usage.completion_tokens"]) == int(has["gen_ai.request.max_tokens"]) == 3
    assert has["gen_ai.request.temperature"] == pytest.approx(0.5)
    assert has["gen_ai.response.finish_reasons"] == "length"
    parts = [has[f"gen_ai.latency.{name}"] for name in
             ("time_in_queue", "time_in_model_prefill", "time_in_model_decode")]
    assert all(part >= 0 for part in parts)
    assert sum(parts) <= has["gen_ai.latency.e2e"] + 1e-3
    assert has["gen_ai.latency.time_to_first_token"] == pytest.approx(parts[0] + parts[1])
    assert "secret" not in json.dumps(span)


def test_whose_trace(start_server, collector):
    server = start_server("--otlp-traces-endpoint", collector.url + "/own/path")
    ask(server, f"00-{TRACE}-{PARENT}-00")  # its client records nothing
    ask(server, "nonsense")
    ask(server)
    spans = [collector.spans.get(timeout=10) for _ in range(2)]
    assert len({span["traceId"] for span in spans} | {TRACE}) == 3  # each began a trace of its own
    assert all("parentSpanId" not in span for span in spans)
    assert {path for path, _ in collector.requests} == {"/own/path"}
    assert server.stop() == 0
    assert collector.spans.empty()


def test_a_collector_that_refuses_costs_only_spans(start_server, collector):
    server = start_server("--otlp-traces-endpoint", collector.url)
    collector.status = 503
    for _ in range(3):
        ask(server)
    dropped = "atelier:trace_spans_dropped_total"
    assert read_when(server, lambda m: m(dropped) == 3)(dropped) == 3
    collector.status = 200
    while not collector.spans.empty():
        collector.spans.get()
    ask(server)
    assert collector.spans.get(timeout=10)["name"] == "llm_request"
    assert read(server)(dropped) == 3
    assert sum("trace spans are dropped" in line for line in server.lines) == 1


def test_an_address_that_cannot_be_is_refused():
    from conftest import BIN, MODEL
    import subprocess
    ran = subprocess.run([BIN, "serve", MODEL, "--otlp-traces-endpoint", "localhost:4317"], capture_output=True, text=True)
    assert ran.returncode == 2 and "--otlp-traces-endpoint" in ran.stderr
