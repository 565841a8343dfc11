"""--kv-cache-dtype int8 on real weights: half the room, nearly the same answers."""
import json
import re
import subprocess
from pathlib import Path

import pytest

from conftest import BIN, MODEL

PROMPTS = ["The capital of France is", "Water boils at a temperature of", "Once upon a time there was a king who",
           "The first president of the United States was", "Plants make their food from", "To bake a loaf of bread you need",
           "The largest planet of the solar system is", "In the year 1969 two astronauts"]
TOKENS = 24


def pool(server):
    """(bytes of a token, their type) as said at the start."""
    said = re.search(r"KV pool: .* (\d+) bytes a token in (\w+);", "".join(server.lines))
    return int(said.group(1)), said.group(2)


def continuations(server):
    """What follows the prompts, greedily, all asked at once."""
    answer = server.client().completions.create(model=server.model, prompt=PROMPTS, temperature=0, max_tokens=TOKENS)
    return [choice.text for choice in sorted(answer.choices, key=lambda choice: choice.index)]


def best_tokens(server, texts):
    """The server's best token at each place of the texts."""
    best = []
    for text in texts:
        answer = server.client().completions.create(model=server.model, prompt=text, max_tokens=1, temperature=0,
                                                    extra_body={"prompt_logprobs": 1})
        for place in answer.choices[0].model_extra["prompt_logprobs"][1:]:
            best.append(next(token for token, score in place.items() if score["rank"] == 1))
    return best


def test_int8_answers_as_f16_in_half_the_room(start_server):
    wide, narrow = start_server(), start_server("--kv-cache-dtype", "int8")
    assert not any("--kv-cache-dtype" in line for line in narrow.lines), "nothing to warn of"
    assert pool(wide) == (30 * 2 * 3 * 64 * 2, "F16")
    assert pool(narrow) == (30 * 2 * 3 * 64 * 34 // 32, "int8")
    assert 'cache_dtype="int8"' in narrow.get("/metrics").text
    texts = [prompt + text for prompt, text in zip(PROMPTS, continuations(wide))]
    of_wide, of_narrow = best_tokens(wide, texts), best_tokens(narrow, texts)
    assert len(of_wide) > len(PROMPTS) * TOKENS
    agreed = sum(a == b for a, b in zip(of_wide, of_narrow)) / len(of_wide)
    assert agreed >= 0.95, f"the same best token at {agreed:.1%} of {len(of_wide)} places"
    assert "Paris" in continuations(narrow)[0]


def test_company_changes_no_answer(start_server):
    server = start_server("--kv-cache-dtype", "int8", "--no-enable-prefix-caching")
    together = continuations(server)
    alone = [server.client().completions.create(model=server.model, prompt=prompt, temperature=0, max_tokens=TOKENS).choices[0].text
             for prompt in PROMPTS]
    assert together == alone


def test_drafts_and_fp32_keep_their_promises(start_server):
    """A draft's keys are int8 too; guessing changes no answer, computing in fp32 is allowed."""
    alone = start_server("--kv-cache-dtype", "int8", "--compute", "fp32")
    drafted = start_server("--kv-cache-dtype", "int8", "--compute", "fp32", "--speculative-config",
                           json.dumps({"model": MODEL, "num_speculative_tokens": 3}))
    assert pool(drafted) == (2 * pool(alone)[0], "int8")
    assert continuations(drafted) == continuations(alone)


@pytest.mark.parametrize("command", [["serve", "--port", "0"], ["plan"]])
def test_heads_that_cannot_are_refused(command):
    tiny = Path(__file__).parents[1] / "data/model/qwen2-Q5_0.gguf"  # heads of 16 dims
    done = subprocess.run([BIN, *command, tiny, "--kv-cache-dtype", "int8"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    for word in ("--kv-cache-dtype int8", "16 dims", "multiple of 32", "float16"):
        assert word in done.stderr


def plan(dtype):
    done = subprocess.run([BIN, "plan", MODEL, "--users", "4", "--context", "2048", "--kv-cache-dtype", dtype, "--json"],
                          capture_output=True, text=True, timeout=120, check=True)
    return json.loads(done.stdout)


def test_the_plan_counts_int8_as_the_server_does(start_server):
    planned = plan("int8")
    server = start_server("--kv-cache-dtype", "int8", "--max-num-seqs", "4", "--max-model-len", "2048")
    taken = server.load()["kv_blocks_total"] * 32 * pool(server)[0]
    assert planned["kv_bytes_per_token"] == pool(server)[0]
    assert planned["kv_bytes"] == pytest.approx(taken, rel=0.02)
    assert plan("INT8")["kv_bytes"] == planned["kv_bytes"]


def test_other_types_are_told_with_the_nearest(start_server):
    server = start_server("--kv-cache-dtype", "fp8")
    assert any("--kv-cache-dtype fp8: " in line and "int8" in line for line in server.lines)
    assert pool(server)[1] == "F16"


def test_perplexity_hardly_moves(tmp_path):
    text = tmp_path / "text"
    text.write_text("The sea is wide and old, and those who sail it know that the wind is not their friend. " * 40)

    def measured(*options):
        done = subprocess.run([BIN, "perplexity", MODEL, "--file", text, "--window", "256", "--tokens", "512", "--compute", "fp32",
                               "--kl-to", "fp32", "--json", *options], capture_output=True, text=True, timeout=300, check=True)
        return json.loads(done.stdout)

    assert measured()["kl_mean"] < 1e-9
    kept = measured("--kv-cache-dtype", "int8")
    assert 0 < kept["kl_mean"] < 0.0025  # what computing in int8 itself may cost (tests/golden)
