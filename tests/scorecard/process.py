"""What the kernel says of the server's process."""
import os
import pathlib


def rss_bytes(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) << 10
    raise RuntimeError(f"no process {pid}")


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def threads(pid):
    return len(os.listdir(f"/proc/{pid}/task"))


def thread_seconds(pid):
    """Processor seconds so far, by the threads' name."""
    ticks, total = os.sysconf("SC_CLK_TCK"), {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        name = (task / "comm").read_text().strip()
        # scheduler's own clock, in nanoseconds, where the kernel has it: ticks are too coarse for short runs
        try:
            spent = int((task / "schedstat").read_text().split()[0]) / 1e9
        except (OSError, IndexError):
            fields = (task / "stat").read_text().rsplit(")", 1)[1].split()
            spent = (int(fields[11]) + int(fields[12])) / ticks
        total[name] = total.get(name, 0.0) + spent
    return total
