"""The reliability scorecard: python tests/scorecard [--full] [--only 1,7] prints row, figure, bar, whether it holds;
--out FILE keeps the numbers as JSON, with the machine and the commit."""
import argparse
import datetime
import json
import os
import pathlib
import platform
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from scorecard import rows  # noqa: E402


def circumstances():
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    return {"date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"), "commit": commit,
            "cores": os.cpu_count(), "machine": platform.machine(), "load_average": os.getloadavg()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="the counts of the table (about half an hour)")
    parser.add_argument("--only", default="", help="rows, as 1,7,cost")
    parser.add_argument("--out", type=pathlib.Path, help="JSON file, such as bench/results/scorecard.json")
    options = parser.parse_args()
    only, lines, failed = set(filter(None, options.only.split(","))), [], 0
    for key, (title, measure) in rows():
        if only and key not in only:
            continue
        begin, load = time.monotonic(), os.getloadavg()[0]
        outcome = measure(options.full)
        failed += not outcome.holds
        print(f"{key:>5}  {'holds' if outcome.holds else 'FAILS'}  {title}\n       {outcome.figure}\n       bar: {outcome.bar}",
              flush=True)
        lines.append({"row": key, "title": title, "figure": outcome.figure, "bar": outcome.bar, "holds": outcome.holds,
                      "seconds": round(time.monotonic() - begin, 1), "load_before": load, "numbers": outcome.numbers})
        if options.out:
            options.out.write_text(json.dumps({**circumstances(), "full": options.full, "rows": lines}, indent=1) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
