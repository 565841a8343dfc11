#!/usr/bin/env python3
"""Writes template cases with what Jinja2 itself makes of them, and checks `atelier render` against them.

    make_template_cases.py --out tests/data/templates/generated.jsonl [--random 300] [--seed 1]
    make_template_cases.py --check build/release/atelier [--random 300] [--seed 1]

The file begins with {"contexts": [...], "templates": [...]}: cases name a context, and a
template that several have, by number. Needs jinja2 3.1.6. The environment is the one transformers gives chat templates: the immutable sandbox, trim_blocks,
lstrip_blocks, break and continue, the generation tag, json.dumps as `tojson`, raise_exception, strftime_now. A line
holds name, template, context and output or error {type, message}. The same seed gives the same cases."""
import argparse
import copy
import datetime
import json
import os
import random
import subprocess
import sys
import tempfile
import warnings

import jinja2
from jinja2.ext import Extension, loopcontrols
from jinja2.nodes import CallBlock
from jinja2.sandbox import ImmutableSandboxedEnvironment

from template_expressions import random_templates
from template_families import conversations, families
from template_snippets import CONTEXT, GROUPS

warnings.simplefilter("ignore")
CLOCK = datetime.datetime(2025, 7, 26, 14, 5, 9)


class Generation(Extension):
    """{% generation %}…{% endgeneration %} renders its body."""
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return CallBlock(self.call_method("_render"), [], [], body).set_lineno(line)

    def _render(self, caller):
        return caller()


def environment():
    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])

    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    def strftime_now(format):
        return CLOCK.strftime(format)

    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = strftime_now
    return env


ENV = environment()


def result(template, context):
    try:
        return {"output": ENV.from_string(template).render(**copy.deepcopy(context))}  # `indent` may change a list
    except Exception as error:  # whatever Python raises is the expectation
        return {"error": {"type": type(error).__name__, "message": str(error)}}


def render(name, template, context):
    case = {"name": name, "template": template, "context": context, **result(template, context)}
    text = case.get("output", "")
    if " at 0x" in text or "\ud800" <= max(text, default="") <= "\udfff":
        return None  # an address or half a character: nothing to compare
    if case.get("error", {}).get("type") in ("RecursionError", "MemoryError"):
        return None
    return case


def cases(count, seed):
    for group, templates in GROUPS.items():
        for index, template in enumerate(templates):
            yield render(f"{group}_{index}", template, CONTEXT)
    for name, template in families().items():
        for index, context in enumerate(conversations()):
            yield render(f"{name}_{index}", template, context)
    for index, template in enumerate(random_templates(random.Random(seed), count)):
        yield render(f"random_{seed}_{index}", template, CONTEXT)


def run_atelier(binary, case):
    with tempfile.NamedTemporaryFile("w", suffix=".jinja", delete=False, encoding="utf-8", newline="") as file:
        file.write(case["template"])
    try:
        done = subprocess.run([binary, "render", "--template", file.name, "--now", CLOCK.isoformat()],
                              input=json.dumps(case["context"]).encode(), capture_output=True, timeout=60)
    finally:
        os.unlink(file.name)
    return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace").strip()


def check(binary, all_cases):
    wrong = other_words = 0
    for case in all_cases:
        status, output, message = run_atelier(binary, case)
        if "output" in case:
            good = status == 0 and output == case["output"]
        else:
            good = status == 1
            if good and case["error"]["message"] not in message:
                other_words += 1
                if os.environ.get("SHOW_MESSAGES"):
                    print("MESSAGE", case["name"], repr(case["template"])[:160], "\n  wanted:", case["error"]["type"],
                          case["error"]["message"][:200], "\n  got:   ", message[:200])
        if not good:
            wrong += 1
            print("WRONG", case["name"], repr(case["template"])[:600], "\n  wanted:",
                  repr(case.get("output", case.get("error")))[:600], "\n  got:   ", status, repr(output)[:600], message)
    print(f"{len(all_cases)} cases, {wrong} wrong, {other_words} errors in other words than Python's")
    return 1 if wrong else 0


def write(path, made):
    contexts, templates = [], [case["template"] for case in made]
    for case in made:
        if case["context"] not in contexts:
            contexts.append(case["context"])
    shared = sorted({text for text in templates if templates.count(text) > 1})
    with open(path, "w", encoding="utf-8") as file:
        file.write(json.dumps({"contexts": contexts, "templates": shared}, ensure_ascii=False) + "\n")
        for case in made:
            numbered = {**case, "context": contexts.index(case["context"])}
            if case["template"] in shared:
                numbered["template"] = shared.index(case["template"])
            file.write(json.dumps(numbered, ensure_ascii=False) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out")
    parser.add_argument("--check")
    parser.add_argument("--random", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    made = [case for case in cases(options.random, options.seed) if case is not None]
    if options.out:
        write(options.out, made)
        print(f"{len(made)} cases, {sum('error' in c for c in made)} of them errors")
    return check(options.check, made) if options.check else 0


if __name__ == "__main__":
    sys.exit(main())
