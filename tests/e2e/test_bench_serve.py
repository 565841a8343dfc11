"""`atelier bench serve` and `bench throughput`: what they say was sent is what the server saw."""
import http.server
import json
import os
import subprocess
import threading

import pytest

from conftest import BIN, MODEL


def bench(server, *arguments):
    return subprocess.run([BIN, "bench", "serve", "--base-url", server.url, "--disable-tqdm", *arguments],
                          capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("backend", ["openai", "openai-chat"])
def test_lengths_and_counts_are_those_asked(server, backend):
    ran = bench(server, "--backend", backend, "--num-prompts", "6", "--max-concurrency", "3",
                "--random-input-len", "48", "--random-output-len", "5", "--json")
    assert ran.returncode == 0, ran.stderr
    result = json.loads(ran.stdout)
    assert result["completed"] == 6 and result["failed"] == 0
    assert result["total_input_tokens"] == 6 * 48
    assert result["total_output_tokens"] == 6 * 5
    assert result["max_concurrency"] == 3 and result["request_rate"] == "inf"
    assert 0 < result["mean_ttft_ms"] <= 1000 * result["duration"]
    assert result["request_goodput"] is None
    assert abs(result["output_throughput"] * result["duration"] - 30) < 1e-6
    assert 0 <= result["client_cpu_share"] < 1


def test_saves_every_request_and_draws(server, tmp_path):
    ran = bench(server, "--num-prompts", "3", "--random-input-len", "20", "--random-output-len", "4",
                "--random-range-ratio", "0.5", "--request-rate", "50", "--seed", "7", "--goodput", "ttft:60000",
                "--percentile-metrics", "ttft,e2el", "--metric-percentiles", "50,99.9", "--save-result",
                "--save-detailed", "--result-dir", str(tmp_path), "--result-filename", "run.json",
                "--svg", str(tmp_path / "run.svg"), "--metadata", "card=none")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("============ Serving Benchmark Result ============\n")
    assert "P99.9 TTFT (ms):" in ran.stdout and "TPOT" not in ran.stdout
    result = json.loads((tmp_path / "run.json").read_text())
    assert result["card"] == "none" and result["request_rate"] == 50
    assert result["request_goodput"] == pytest.approx(result["request_throughput"])
    assert all(10 <= length <= 30 for length in result["input_lens"])
    assert all(2 <= length <= 6 for length in result["output_lens"])
    assert len(result["ttfts"]) == len(result["generated_texts"]) == 3 and result["errors"] == ["", "", ""]
    assert sum(result["output_lens"]) == result["total_output_tokens"]
    assert (tmp_path / "run.svg").read_text().rstrip().endswith("</svg>")


def test_prompts_from_files(server, tmp_path):
    sharegpt = tmp_path / "share.json"
    turns = [{"from": "human", "value": "What is a lake?"}, {"from": "gpt", "value": "Water in a hollow."}]
    sharegpt.write_text(json.dumps([{"conversations": turns}, {"conversations": turns[:1]}]))
    ran = bench(server, "--dataset-name", "sharegpt", "--dataset-path", str(sharegpt), "--num-prompts", "2",
                "--ignore-eos", "--json")
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["completed"] == 2
    lines = tmp_path / "own.jsonl"
    lines.write_text('{"prompt": "One two", "output_tokens": 3}\n\n{"prompt": "Three", "output_tokens": 3}\n')
    ran = bench(server, "--dataset-name", "custom", "--dataset-path", str(lines), "--num-prompts", "4",
                "--ignore-eos", "--json")
    assert json.loads(ran.stdout)["total_output_tokens"] == 12, ran.stderr


@pytest.mark.parametrize("arguments, says", [
    (["--goodput", "speed:1"], "--goodput 'speed:1'"),
    (["--metric-percentiles", "101"], "--metric-percentiles '101'"),
    (["--request-rate", "0"], "--request-rate"),
    (["--dataset-name", "sharegpt"], "--dataset-path"),
    (["--endpoint", "/v1/models"], "--endpoint"),
    (["--extra-body", "[1]"], "--extra-body"),
    (["--preset", "none"], "known presets"),
])
def test_what_cannot_be_is_bad_usage(server, arguments, says):
    ran = bench(server, "--num-prompts", "1", *arguments)
    assert ran.returncode == 2 and says in ran.stderr, ran.stderr


def test_a_request_that_fails_is_told(server):
    ran = bench(server, "--num-prompts", "1", "--model", "no-such-model")
    assert ran.returncode == 1 and "HTTP 404" in ran.stderr and "no-such-model" in ran.stderr


def test_a_preset_leaves_out_what_the_server_cannot_take(server):
    ran = bench(server, MODEL, "--preset", "contract", "--json")
    assert ran.returncode == 0, ran.stderr
    (case,) = json.loads(ran.stdout)["cases"]
    assert case["left_out"].startswith("left out: 130512 tokens, the server takes ")


def test_the_floor_is_below_the_measurement(server):
    ran = bench(server, MODEL, "--num-prompts", "2", "--random-input-len", "64", "--random-output-len", "8", "--json")
    assert ran.returncode == 0, ran.stderr
    result = json.loads(ran.stdout)
    # 135 M parameters: two operations each for 2 x (64 + 7) tokens, and no more than a tenth above it
    # (attention, heads); prompts need no logits but one
    assert 0.6 * 2 * 134.5e6 * 142 < result["floor_operations"] < 1.1 * 2 * 134.5e6 * 142
    assert 0 < result["floor_seconds"] < result["duration"]


class OtherServer(http.server.BaseHTTPRequestHandler):
    """The least that speaks OpenAI's completions: no /tokenize, no usage, the connection closed after each."""

    def do_GET(self):
        self.answer("application/json", json.dumps({"data": [{"id": "other"}]}))

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/tokenize":
            return self.send_error(404)
        self.server.seen.append((body, self.headers["Authorization"]))
        chunks = [{"choices": [{"text": "w "}]}] * body["max_tokens"] + [
            {"choices": [{"text": "", "finish_reason": "length"}]}]
        text = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks)
        self.answer("text/event-stream", text + "data: [DONE]\n\n")

    def answer(self, mime, text):
        self.send_response(200)
        self.send_header("Content-Type", mime)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


def test_another_server_without_tokenizer_and_usage():
    other = http.server.ThreadingHTTPServer(("127.0.0.1", 0), OtherServer)
    other.seen = []
    threading.Thread(target=other.serve_forever, daemon=True).start()
    ran = subprocess.run([BIN, "bench", "serve", "--port", str(other.server_port), "--num-prompts", "3", "--json",
                          "--random-input-len", "9", "--random-output-len", "4", "--temperature", "0.5"],
                         capture_output=True, text=True, timeout=60, env={**os.environ, "OPENAI_API_KEY": "sk-1"})
    other.shutdown()
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["total_output_tokens"] == 12  # pieces, as there is no usage
    assert "no /tokenize" in ran.stderr and "no usage" in ran.stderr
    assert len(other.seen) == 4  # the one that was tried first, too
    for body, authorization in other.seen:
        assert authorization == "Bearer sk-1"
        assert body["model"] == "other" and body["temperature"] == 0.5 and body["ignore_eos"] is True
        assert len(body["prompt"].split()) == 9
    assert len({body["prompt"] for body, _ in other.seen}) == 4


def test_throughput_has_vllms_fields(tmp_path):
    path = tmp_path / "throughput.json"
    ran = subprocess.run([BIN, "bench", "throughput", MODEL, "--input-len", "24", "--output-len", "4", "--num-prompts",
                          "5", "--max-num-seqs", "2", "--output-json", str(path)],
                         capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("Throughput: ") and "Total num output tokens:  20" in ran.stdout
    result = json.loads(path.read_text())
    assert set(result) == {"elapsed_time", "num_requests", "total_num_tokens", "requests_per_second",
                           "tokens_per_second"}
    assert result["num_requests"] == 5 and result["total_num_tokens"] == 5 * 28
    assert result["tokens_per_second"] == pytest.approx(140 / result["elapsed_time"])
