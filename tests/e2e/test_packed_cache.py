"""--packed-cache: the second start maps what the first one packed, and a broken file costs only a warning."""
import os
import resource
import signal
import subprocess

from conftest import BIN, MODEL


def complete(folder, file_limit=None):
    """(answer, what was said on stderr)"""
    def limit():
        if file_limit is not None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, file_limit))
    done = subprocess.run([BIN, "complete", MODEL, "--prompt", "The capital of France is", "--max-tokens", "8",
                           "--packed-cache", str(folder)],
                          capture_output=True, text=True, timeout=300, preexec_fn=limit)
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def kept(folder):
    return [file for file in folder.iterdir() if file.suffix == ".packed"]


def test_the_second_start_maps_what_the_first_packed(tmp_path):
    answer, said = complete(tmp_path / "new")
    assert "packed weights for the next start" in said
    file, = kept(tmp_path / "new")
    written = file.stat()
    again, said = complete(tmp_path / "new")
    assert again == answer
    assert "pack" not in said, said
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (written.st_ino, written.st_mtime_ns)


def test_a_file_cut_short_is_packed_again(tmp_path):
    answer, _ = complete(tmp_path)
    file, = kept(tmp_path)
    whole = file.read_bytes()
    os.truncate(file, len(whole) // 2)
    again, said = complete(tmp_path)
    assert again == answer
    assert "packed weights for the next start" in said
    assert file.read_bytes() == whole


def test_a_server_keeps_running_when_its_file_is_deleted(start_server, tmp_path):
    complete(tmp_path)
    server = start_server("--packed-cache", str(tmp_path))
    ask = dict(model=server.model, prompt="The capital of France is", max_tokens=8, temperature=0)
    before = server.client().completions.create(**ask).choices[0].text
    for file in kept(tmp_path):
        file.unlink()
    assert server.client().completions.create(**ask).choices[0].text == before


def test_no_room_costs_only_a_warning(tmp_path):
    answer, _ = complete(tmp_path / "whole")
    again, said = complete(tmp_path / "full", file_limit=1 << 20)
    assert again == answer
    assert "the next start packs the weights again" in said
    assert [file.name for file in (tmp_path / "full").iterdir() if not file.name.endswith(".lock")] == []
