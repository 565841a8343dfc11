"""`atelier serve` as vLLM's users start it: the field reports' command lines, vLLM's spellings, --config files, and
what each flag does to answers."""
import json
import re
import subprocess
from pathlib import Path

import httpx
import openai
import pytest

from conftest import BIN, MODEL

QUESTION = [{"role": "user", "content": "What is the capital of France?"}]


def chat(server, **options):
    options = {"model": server.model, "messages": QUESTION, "max_tokens": 16, "temperature": 0, **options}
    return server.client().chat.completions.create(**options)


def refused(*arguments, **options):
    """The one line with which a start is refused."""
    done = subprocess.run([BIN, "serve", *arguments, "--port", "0"], capture_output=True, text=True, timeout=60, **options)
    assert done.returncode == 2, (done.returncode, done.stderr)
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def warnings(server):
    return [line.split("warn  ")[1].strip() for line in server.lines if "warn  " in line]


# ---- command lines as printed (but for lengths, which the small test model declares shorter)

REPORTS = {
    "A": "--tensor-parallel-size 4 --gpu-memory-utilization 0.5 --max-model-len 8192 --enable-auto-tool-choice "
         "--tool-call-parser hermes --host 127.0.0.1 --max-num-seqs=16",
    "B": "--tensor-parallel-size 4 --dtype half --max-model-len 8192 --enable-chunked-prefill "
         "--gpu-memory-utilization 0.5 --host 127.0.0.1 --enforce-eager=False",
    "D": "--tensor-parallel-size 1 --max-num-batched-tokens 32768 --max-num-seqs 8 --max-model-len 4096 --block-size 32 "
         "--gpu-memory-utilization 0.5 --quantization awq --use-flash-attn --enable-lora --lora-modules my_lora=/path "
         "--limit-tokens-per-min 100000 --limit-requests-per-min 30",
}


@pytest.mark.parametrize("report", REPORTS)
def test_a_reports_command_line_starts_and_answers(start_server, report):
    server = start_server("--model", MODEL, *REPORTS[report].split(), model=None)
    # A question whose answer does not hang on how an instruction set rounds.
    about = [{"role": "user", "content": "Tell me about Paris."}]
    assert "Paris" in chat(server, messages=about, max_tokens=32).choices[0].message.content
    said = warnings(server)
    assert len(said) == len(set(said))
    told = {line.split()[0].rstrip(":") for line in said}
    expected = {"A": {"--tensor-parallel-size", "--tool-call-parser", "--enable-auto-tool-choice"},
                "B": {"--tensor-parallel-size", "--dtype"},
                "D": {"--quantization", "--use-flash-attn", "--enable-lora", "--lora-modules"}}[report]
    assert expected <= told
    assert not told & {"--max-model-len", "--max-num-seqs", "--block-size", "--enforce-eager", "--gpu-memory-utilization"}


def test_lengths_and_batches_are_as_asked(start_server):
    server = start_server("--max_model_len", "4k", "--max-num-seqs", "3", "--kv-cache-memory-bytes", "512M")
    assert server.get("/v1/models").json()["data"][0]["max_model_len"] == 4000
    blocks = server.load()["kv_blocks_total"]
    per_block = 32 * 30 * 2 * 3 * 64 * 2  # tokens x layers x (keys, values) x KV heads x head_dim x f16
    assert 0.98 * (512 << 20) < blocks * per_block <= 512 << 20


def test_blocks_as_asked(start_server):
    server = start_server("--num-gpu-blocks-override", "48", "--block-size", "16")
    assert server.load()["kv_blocks_total"] == 48
    assert server.get("/v1/models").json()["data"][0]["max_model_len"] == 48 * 32
    assert any(line.startswith("--block-size 16:") for line in warnings(server))


def test_several_names(start_server):
    server = start_server("--served-model-name", "first", "second/name")
    assert server.model == "first"
    for name in ("first", "second/name"):
        assert chat(server, model=name).model == "first"
    with pytest.raises(openai.NotFoundError):
        chat(server, model=MODEL)


# ---- refusals

@pytest.mark.parametrize("arguments, words", [
    (["--max-num-seq", "4"], "--max-num-seqs"),
    (["--max-num-seqs", "0"], "the nearest is 1"),
    (["--gpu-memory-utilization", "7"], "the nearest is 1"),
    (["--scheduling-policy", "fifo"], "fcfs"),
    (["--tensor-parallel-size", "four"], "whole number"),
    (["--max-model-len", "9000000"], "8192"),
    (["--num-gpu-blocks-override", "1000000000"], "enough for"),
    (["--kv-cache-memory-bytes", "1M", "--max-model-len", "8192"], "--max-model-len 32"),
    (["--ssl-keyfile", "x.pem"], "nginx"),
    (["--chat-template", "/nowhere.jinja"], "nowhere"),
    (["--chat-template", "{% if %}"], "--chat-template"),
    (["--generation-config", "/nowhere"], "nowhere"),
    (["--speculative-config", '{"method": "eagle"}'], "ngram"),
    (["--config", "/nowhere.yaml"], "nowhere"),
    (["--model", "another"], "another"),
])
def test_a_value_that_cannot_be_is_refused_before_loading(arguments, words):
    line = refused(MODEL, *arguments)
    assert words in line and "of weights" not in line


def test_which_model():
    assert "--model" in refused()


# ---- --config

def test_config_file(start_server, tmp_path):
    file = tmp_path / "serve.yaml"
    file.write_text(f"model: {MODEL}\nmax-model-len: 1024\nmax_num_seqs: 2\nserved-model-name: [from-file]\n"
                    "use-flash-attn: true\noverride-generation-config: {temperature: 0}\n")
    server = start_server("--config", str(file), "--max-model-len", "2048", model=None)
    card = server.get("/v1/models").json()["data"][0]
    assert card["id"] == "from-file" and card["max_model_len"] == 2048
    assert any(line.startswith("--use-flash-attn:") for line in warnings(server))


def test_config_file_refusals(tmp_path):
    file = tmp_path / "serve.yaml"
    for text, words in [("max-model-length: 1", "max-model-len"), ("max-num-seqs: -1", "the nearest is 1"),
                        ("a: [", "--config"), ("- 1", "--config"), ("port: 1\nport: 2", "twice")]:
        file.write_text(text)
        assert words in refused(MODEL, "--config", str(file))


# ---- what flags do to answers

def test_seed_is_the_default_seed(start_server):
    server = start_server("--seed", "7")
    sampled = {chat(server, temperature=1.5, max_tokens=24).choices[0].message.content for _ in range(3)}
    assert len(sampled) == 1
    assert chat(server, temperature=1.5, max_tokens=24, seed=8).choices[0].message.content not in sampled


def test_generation_config_overrides(start_server):
    server = start_server("--override-generation-config", '{"temperature": 0}')
    options = {"model": server.model, "messages": QUESTION, "max_tokens": 24}
    said = {server.client().chat.completions.create(**options).choices[0].message.content for _ in range(3)}
    assert said == {chat(server, max_tokens=24).choices[0].message.content}


def test_template_role_and_usage(start_server, tmp_path):
    template = tmp_path / "plain.jinja"
    template.write_text("{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
                        "<|im_start|>assistant\n")
    server = start_server("--chat-template", str(template), "--response-role", "helper", "--enable-force-include-usage")
    plain = chat(server)
    assert plain.choices[0].message.role == "helper"
    longer = "<|im_start|>user\nWhat is the capital of France?<|im_end|>\n<|im_start|>assistant"  # Jinja drops a file's last line break
    count = httpx.post(f"{server.url}/tokenize", json={"prompt": longer}).json()["count"]
    assert plain.usage.prompt_tokens == count  # the model's own template adds a system turn
    chunks = list(chat(server, stream=True))
    assert chunks[0].choices[0].delta.role == "helper"
    assert chunks[-1].usage.completion_tokens > 0


def test_max_logprobs(start_server):
    server = start_server("--max-logprobs", "3")
    assert len(chat(server, logprobs=True, top_logprobs=3, max_tokens=1).choices[0].logprobs.content[0].top_logprobs) == 3
    with pytest.raises(openai.BadRequestError, match="3"):
        chat(server, logprobs=True, top_logprobs=4, max_tokens=1)


def test_speculation_by_lookup_changes_no_answer(server, start_server):
    text = {"model": server.model, "messages": [{"role": "user", "content": "Repeat: one two three four one two three four"}]}
    guessing = start_server("--speculative-config", '{"method": "ngram", "num_speculative_tokens": 3}')
    assert chat(guessing, max_tokens=40, **text).choices[0].message == chat(server, max_tokens=40, **text).choices[0].message


def test_requests_are_logged_without_their_prompts(start_server):
    server = start_server("--enable-log-requests")
    chat(server, messages=[{"role": "user", "content": "a-secret-word"}])
    assert server.stop() == 0
    begun = [line for line in server.lines if " begins: " in line]
    assert len(begun) == 1 and "max_tokens 16" in begun[0]
    assert not any("a-secret-word" in line for line in server.lines)


def test_log_level(start_server):
    server = start_server("--uvicorn-log-level", "error")
    assert server.stop() == 0
    assert not any("stopping" in line for line in server.lines)


def test_root_path(start_server):
    server = start_server("--root-path", "/llm")
    for path in ("/llm/health", "/health", "/llm/v1/models", "/llm/", "/llm"):
        assert httpx.get(server.url + path).status_code == 200, path
    assert httpx.get(server.url + "/llmx/health").status_code == 404


# ---- the manual

def test_help_is_grouped_and_the_manual_agrees():
    text = subprocess.run([BIN, "serve", "--help"], capture_output=True, text=True, check=True).stdout
    for group in ("Model:", "Memory:", "Scheduling:", "API:", "LoRA:", "Parallel:", "Logs and metrics:", "Network:"):
        assert f"\n{group}\n" in text
    flags = set(re.findall(r"^  (--[a-z-]+)", text, re.M)) - {"--config"}
    manual = (Path(__file__).parents[2] / "docs/serving.md").read_text()
    assert set(re.findall(r"^\| `(--[a-z-]+)`", manual, re.M)) == flags, "run tools/make_flags_table.py"
    assert len(flags) > 70
