"""A Row is one line of the scorecard: what was measured, the bar it must reach, and whether it holds."""
import dataclasses
import statistics

ROWS = {}  # key -> (title, function), in the order of definition


@dataclasses.dataclass
class Outcome:
    figure: str
    bar: str
    holds: bool
    numbers: dict = dataclasses.field(default_factory=dict)  # what the figure was made of


def row(key, title):
    """Registers `measure(full: bool) -> Outcome`. The quick form (full=False) is for every run of the tests: fewer
    repetitions, and where a figure is a time, a bar wide enough for a machine that is shared (it says so)."""
    def register(measure):
        ROWS[key] = (title, measure)
        return measure
    return register


def percentile(values, percent):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def slope(points):
    """Least squares: units of y for each unit of x."""
    xs, ys = zip(*points)
    return statistics.linear_regression(xs, ys).slope
