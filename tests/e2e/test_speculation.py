"""Guessing ahead changes the speed of an answer and nothing else."""
import json
import subprocess

import httpx

from conftest import BIN, MODEL

PROMPTS = ["Repeat after me, three times: the quick brown fox jumps over the lazy dog.",
           "List the numbers from 1 to 20, separated by commas.", "Why is the sky blue?"]


def answers(server):
    said = []
    for prompt in PROMPTS:
        for sampling in ({"temperature": 0}, {"temperature": 0.8, "seed": 11, "top_p": 0.9}):
            body = {"model": server.model, "messages": [{"role": "user", "content": prompt}], "max_tokens": 80,
                    "logprobs": True, **sampling}
            reply = httpx.post(f"{server.url}/v1/chat/completions", json=body, timeout=300)
            assert reply.status_code == 200, reply.text
            choice = reply.json()["choices"][0]
            said.append((choice["message"]["content"], choice["finish_reason"], choice["logprobs"]))
    return said


def test_answers_are_the_same_with_and_without(server, start_server):
    plain = answers(server)
    for how in ({"method": "ngram", "num_speculative_tokens": 5}, {"model": MODEL, "num_speculative_tokens": 3}):
        assert answers(start_server("--max-model-len", "2048", "--speculative-config", json.dumps(how))) == plain


def test_a_draft_model_of_another_vocabulary_is_refused():
    how = json.dumps({"model": "tests/data/model/qwen2-Q5_0.gguf"})
    done = subprocess.run([BIN, "serve", MODEL, "--port", "0", "--speculative-config", how], capture_output=True,
                          text=True, timeout=120)
    assert done.returncode != 0 and "another vocabulary" in done.stderr
