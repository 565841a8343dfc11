"""The table as text: a line as soon as it is measured; colours in a terminal, plain when piped."""
import sys

COLUMNS = [("work", 25), ("model", 30), ("against", 21), ("ours", 9), ("peer", 9), ("unit", 6), ("ratio", 7), ("bar", 7),
           ("", 6), ("KL", 9)]
LEFT = ("work", "model", "against", "unit", "")


def figure(value):
    if value is None:
        return "-"
    return f"{value:.{0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else 2}f}"


def verdict(line):
    return {True: "holds", False: "SHORT", None: ""}[line["holds"]]


def cells(line):
    divergence = line.get("divergence")
    return [line["work"], line["model"], line["against"], figure(line["ours"]), figure(line["peer"]), line["unit"],
            figure(line["ratio"]), "" if line["bar"] is None else f"{line['sense']} {line['bar']:g}", verdict(line),
            f"{divergence['kl']:.6f}" if divergence else ""]


def aligned(words):
    return " ".join(f"{word:<{width}}" if name in LEFT else f"{word:>{width}}"
                    for (name, width), word in zip(COLUMNS, words)).rstrip()


def heading():
    return aligned([name for name, _ in COLUMNS])


def row(line, coloured):
    text = aligned(cells(line))
    if not coloured or line["holds"] is None:
        return text
    word = verdict(line)
    return text.replace(f" {word}", f" \033[{32 if line['holds'] else 31}m{word}\033[0m")


def show(lines):
    """Prints each line as it comes and hands it on."""
    coloured = sys.stdout.isatty()
    print(heading(), flush=True)
    for line in lines:
        print(row(line, coloured), flush=True)
        yield line
