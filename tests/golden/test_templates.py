"""`atelier render` against transformers: the recorded conversations and snippets, through the real binary."""
import json
import os
import subprocess
from pathlib import Path

import pytest

BIN = os.environ.get("ATELIER_BIN", "build/release/atelier")
BESIDE = Path(os.environ.get("ATELIER_TEST_DATA", "../shared")) / "golden/templates"
GOLDEN = BESIDE if BESIDE.exists() else Path("tests/data/templates")
CLOCK = "2025-07-26T14:05:09"

pytestmark = pytest.mark.skipif(not (GOLDEN / "index.json").exists(), reason="golden/templates is not here")


def lines(name):
    return [json.loads(line) for line in (GOLDEN / name).read_text().split("\n") if line]


def render(arguments, context):
    done = subprocess.run([BIN, "render", "--now", CLOCK, *arguments], input=json.dumps(context).encode(),
                          capture_output=True, timeout=60)
    return done.returncode, done.stdout.decode()


@pytest.mark.parametrize("model", ["smollm2-135m-instruct", "qwen2.5-coder-0.5b-instruct"])
def test_a_models_own_template(model):
    name = "smollm2" if model.startswith("smollm2") else "qwen2.5"
    wanted = {row["id"]: row for row in lines(f"render.{name}.jsonl")}
    wrong = []
    for conversation in lines("conversations.jsonl"):
        expected = wanted[conversation.pop("id")]
        status, text = render([model], conversation)
        if (status != 0) != ("error" in expected) or (status == 0 and text != expected["text"]):
            wrong.append((expected, text))
    assert wrong == []


def test_snippets(tmp_path):
    wrong = []
    for snippet in lines("snippets.jsonl"):
        file = tmp_path / "template.jinja"
        file.write_text(snippet["template"])
        status, text = render(["--template", str(file)], snippet["context"])
        if (status != 0) != ("error" in snippet) or (status == 0 and text != snippet["output"]):
            wrong.append((snippet["name"], status, text))
    assert wrong == []
