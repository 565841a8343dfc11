"""The commands that run a model here: complete, perplexity, bench, inspect, chat. A real binary on a real model."""
import json
import os
import pty
import re
import select
import signal
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("ATELIER_BIN", str(ROOT / "build/release/atelier"))
MODEL = os.environ.get("ATELIER_TEST_MODEL", "smollm2-135m-instruct")
CHAT_PROMPT = "<|im_start|>user\nSay hello in one short sentence.<|im_end|>\n<|im_start|>assistant\n"
STORY = "Once upon a time, in a small village by the sea,"


def atelier(*args, stdin="", timeout=300):
    return subprocess.run([BINARY, *map(str, args)], input=stdin, capture_output=True, text=True, timeout=timeout)


def atelier_json(*args):
    done = atelier(*args, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="session", autouse=True)
def model():
    if not os.access(BINARY, os.X_OK):
        pytest.skip(f"{BINARY} is not built")
    found = atelier("inspect", MODEL)
    if found.returncode != 0:
        pytest.skip(f"the model {MODEL} is not here: {found.stderr.strip()}")
    return MODEL


# --- complete ---------------------------------------------------------------------------------------------

def test_complete_prints_one_json_object(model):
    answer = atelier_json("complete", model, "--prompt", STORY, "--max-tokens", 12)
    assert list(answer) == ["prompt_token_ids", "token_ids", "text", "finish_reason", "logprobs"]
    assert answer["logprobs"] is None
    assert answer["finish_reason"] == "length"
    assert len(answer["token_ids"]) == 12
    assert all(isinstance(i, int) for i in answer["prompt_token_ids"] + answer["token_ids"])
    assert answer["text"].strip()


def test_complete_streams_the_same_text(model):
    answer = atelier_json("complete", model, "--prompt", STORY, "--max-tokens", 20)
    streamed = atelier("complete", model, "--prompt", STORY, "--max-tokens", 20)
    assert streamed.returncode == 0
    assert streamed.stdout == answer["text"] + "\n"


def test_complete_takes_text_ids_or_a_file(model, tmp_path):
    text = "日本語 and <|im_start|>specials\n"
    (tmp_path / "prompt").write_text(text, encoding="utf-8")
    by_text = atelier_json("complete", model, "--prompt", text, "--max-tokens", 8)
    ids = ",".join(map(str, by_text["prompt_token_ids"]))
    assert atelier_json("complete", model, "--prompt-ids", ids, "--max-tokens", 8) == by_text
    assert atelier_json("complete", model, "--file", tmp_path / "prompt", "--max-tokens", 8) == by_text


def test_complete_stops_at_the_end_token_and_leaves_it_out(model):
    stopped = atelier_json("complete", model, "--prompt", CHAT_PROMPT)
    assert stopped["finish_reason"] == "stop"
    assert "<|im_end|>" not in stopped["text"]
    on = atelier_json("complete", model, "--prompt", CHAT_PROMPT, "--ignore-eos")
    assert on["finish_reason"] == "length" and len(on["token_ids"]) == 128
    count = len(stopped["token_ids"])
    assert on["token_ids"][:count] == stopped["token_ids"]
    assert on["text"].startswith(stopped["text"] + "<|im_end|>")


def test_logprobs_are_sorted_and_belong_to_the_choice(model):
    answer = atelier_json("complete", model, "--prompt", STORY, "--max-tokens", 10, "--logprobs", 5)
    assert [step["id"] for step in answer["logprobs"]] == answer["token_ids"]
    for step in answer["logprobs"]:
        values = [value for _, value in step["top"]]
        assert len(values) == 5 and values == sorted(values, reverse=True) and values[0] <= 0
        assert step["top"][0] == [step["id"], step["logprob"]]
    bare = atelier_json("complete", model, "--prompt", STORY, "--max-tokens", 2, "--logprobs", 0)
    assert all(step["top"] == [] and step["logprob"] <= 0 for step in bare["logprobs"])


def test_seeds_repeat_and_differ(model):
    args = ["complete", model, "--prompt", STORY, "--max-tokens", 24, "--temperature", 1.2, "--seed"]
    first, again, other = (atelier_json(*args, seed)["token_ids"] for seed in (7, 7, 8))
    assert first == again != other


def test_results_do_not_depend_on_threads(model):
    one, two = (atelier_json("complete", model, "--prompt", STORY, "--max-tokens", 16, "--logprobs", 3,
                             "--threads", threads) for threads in (1, 2))
    assert one == two


def test_a_prompt_over_the_context_is_refused_with_the_numbers(model):
    done = atelier("complete", model, "--prompt", STORY * 20, "--max-model-len", 40)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "40" in done.stderr and re.search(r"\b2\d\d tokens", done.stderr), done.stderr


@pytest.mark.parametrize("args", [
    ["complete"],
    ["complete", MODEL],
    ["complete", MODEL, "--prompt", "a", "--prompt-ids", "1"],
    ["complete", MODEL, "--prompt-ids", "one"],
    ["complete", MODEL, "--prompt", "a", "--max-tokens", "0"],
    ["complete", MODEL, "--prompt", "a", "--temperature", "-1"],
    ["complete", MODEL, "--prompt", "a", "--isa", "altivec"],
    ["complete", MODEL, "--prompt", "a", "--compute", "int3"],
    ["complete", MODEL, "--prompt", "a", "--threads", "0"],
    ["complete", MODEL, "--file", "/no/such/file"],
    ["perplexity", MODEL],
    ["perplexity", MODEL, "--file", __file__, "--score", "some"],
    ["bench"],
    ["bench", "latency", MODEL, "--input-len", "0"],
    ["inspect"],
    ["chat", MODEL, "--temperature", "warm"],
    ["no-such-command"],
])
def test_bad_usage_exits_2(model, args):
    done = atelier(*args)
    assert done.returncode == 2, done.stderr
    assert done.stdout == "" and done.stderr


def test_failures_exit_1(model):
    assert atelier("complete", "/no/such/model.gguf", "--prompt", "a").returncode == 1
    assert atelier("complete", model, "--prompt", "").returncode == 1
    assert atelier("complete", model, "--prompt-ids", "99999999").returncode == 1
    assert atelier("inspect", __file__).returncode == 1


# --- perplexity, bench, inspect ---------------------------------------------------------------------------

def test_perplexity_scores_whole_windows(model, tmp_path):
    text = tmp_path / "text"
    text.write_text((ROOT / "src/engine/README.md").read_text() * 2)
    score = atelier_json("perplexity", model, "--file", text, "--window", 128, "--tokens", 300)
    assert list(score) == ["tokens", "nll", "perplexity"]
    assert score["tokens"] == 2 * 127
    assert 1 < score["perplexity"] < 1000
    half = atelier_json("perplexity", model, "--file", text, "--window", 128, "--tokens", 300, "--score",
                        "second-half", "--kl-to", "fp32")
    assert list(half) == ["tokens", "nll", "perplexity", "kl_mean", "kl_p99", "same_top"]
    assert half["tokens"] == 2 * 64
    assert 0 <= half["kl_mean"] <= half["kl_p99"] < 0.1
    assert 0.8 < half["same_top"] <= 1
    exact = atelier_json("perplexity", model, "--file", text, "--window", 128, "--tokens", 128, "--kl-to", "fp32",
                         "--compute", "fp32")
    assert exact["kl_mean"] == pytest.approx(0, abs=1e-9) and exact["same_top"] == 1
    too_short = atelier("perplexity", model, "--file", text, "--window", 8000)
    assert too_short.returncode != 0 and too_short.stdout == ""


def test_bench_latency_reports_every_figure(model):
    figures = atelier_json("bench", "latency", model, "--input-len", 48, "--output-len", 8, "--batch-size", 2,
                           "--depth", 16, "--num-iters", 2)
    assert [figures[name] for name in ("input_len", "output_len", "batch_size", "depth")] == [48, 8, 2, 16]
    for rounds in ("bandwidth", "decode", "prefill"):
        assert len(figures[rounds]) == 2 and min(figures[rounds]) > 0
    assert figures["decode_tokens_per_s"] in figures["decode"]
    assert figures["prefill_tokens_per_s"] in figures["prefill"]
    assert 0 < figures["decode_bandwidth_share"] and 0 <= figures["prefill_peak_share"] <= 1
    assert figures["first_token_s"] >= figures["load_s"] > 0
    assert figures["peak_rss_bytes"] > figures["weights_bytes"] > 0 and figures["kv_bytes"] > 0
    assert (figures["compute"], figures["isa"] != "", figures["threads"] >= 1) == ("auto", True, True)


# One step's bytes are the weights once, and each sequence's own keys and values.
def test_bench_latency_counts_the_cache_in_a_steps_bytes(model):
    figures = [atelier_json("bench", "latency", model, "--input-len", 1, "--output-len", 1, "--num-iters", 1,
                            "--batch-size", sequences, "--depth", depth)["decode_bytes_per_step"]
               for sequences, depth in ((1, 0), (1, 64), (2, 64))]
    per_token = atelier_json("inspect", model)["kv_bytes_per_token"]
    assert figures[1] - figures[0] == pytest.approx(64 * per_token)
    assert figures[2] - figures[1] == pytest.approx(66 * per_token)


def test_inspect_says_what_is_in_it(model):
    found = atelier_json("inspect", model)
    assert found["architecture"] in ("llama", "qwen2")
    assert found["parameters"] == sum(part["parameters"] for part in found["formats"])
    assert found["kv_bytes_per_token"] == 2 * 2 * found["layers"] * found["kv_heads"] * found["head_dim"]
    assert found["vocabulary"] <= found["vocabulary_rows"]
    assert atelier("inspect", model).stdout.strip()


# --- chat -------------------------------------------------------------------------------------------------

def test_chat_answers_each_line_of_a_pipe(model):
    done = atelier("chat", model, "--temperature", 0, "--max-tokens", 12,
                   stdin="Say hello.\n\n/help\nAnd now goodbye.\n/clear\n/exit\nnever asked\n")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) >= 2
    assert "/clear" in done.stderr
    assert "\x1b" not in done.stdout


def test_chat_refuses_what_does_not_fit_and_goes_on(model):
    done = atelier("chat", model, "--max-model-len", 96, "--max-tokens", 4, stdin="word " * 200 + "\nHi\n")
    assert done.returncode == 0
    assert "96" in done.stderr and "/clear" in done.stderr
    assert done.stdout.strip()


class Terminal:
    """A chat on a terminal of its own."""

    def __init__(self, args, state):
        self.seen = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="dumb", XDG_STATE_HOME=str(state))
            os.execv(BINARY, [BINARY, *args])

    def type(self, text):
        os.write(self.fd, text.encode())

    def expect(self, pattern, timeout=60):
        """Reads until the pattern appears in what came since the last expect; returns what came before it."""
        end = time.monotonic() + timeout
        while not (found := re.search(pattern, self.seen)):
            left = end - time.monotonic()
            assert left > 0, f"{pattern!r} did not come; the terminal shows {self.seen!r}"
            if select.select([self.fd], [], [], left)[0]:
                try:
                    self.seen += os.read(self.fd, 65536).decode(errors="replace")
                except OSError:
                    assert re.search(pattern, self.seen), f"ended before {pattern!r}: {self.seen!r}"
        before, self.seen = self.seen[:found.start()], self.seen[found.end():]
        return before

    def exit_code(self, timeout=20):
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.05)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        raise AssertionError("the chat did not end")


def test_ctrl_c_stops_the_answer_and_not_the_program(model, tmp_path):
    chat = Terminal(["chat", model, "--temperature", "0"], tmp_path)
    chat.expect("> ")
    chat.type("Write a very long story about a lighthouse keeper.\n")
    chat.expect(r"keeper\.\r\n")
    chat.expect(r"\w+ \w+ \w+")  # the answer has begun
    chat.type("\x03")
    chat.expect(r"\[stopped\]", timeout=10)
    chat.expect("> ")
    chat.type("half a line\x03")
    chat.expect("> ")
    chat.type("/help\n")
    chat.expect("Ctrl-C")
    chat.expect("> ")
    chat.type("/exit\n")
    assert chat.exit_code() == 0
    history = (tmp_path / "atelier/chat_history").read_text()
    assert "lighthouse" in history


def test_ctrl_d_leaves(model, tmp_path):
    chat = Terminal(["chat", model], tmp_path)
    chat.expect("> ")
    chat.type("\x04")
    assert chat.exit_code() == 0
