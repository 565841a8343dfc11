"""The rows of the scorecard in their quick form; `python tests/scorecard --full` measures them as the table asks."""
import pathlib
import sys

import pytest

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parents[1])]

from scorecard import rows  # noqa: E402


@pytest.mark.parametrize("key, title, measure", [(key, *entry) for key, entry in rows()], ids=[key for key, _ in rows()])
def test_row(key, title, measure):
    outcome = measure(False)
    print(f"row {key}, {title}: {outcome.figure}; bar: {outcome.bar}")
    assert outcome.holds, (title, outcome)
