"""All rows, in the order of the table."""
import disconnects  # noqa: F401
import drain  # noqa: F401
import http_cost  # noqa: F401
import idle_streams  # noqa: F401
import invariance  # noqa: F401
import isolation  # noqa: F401
import overload  # noqa: F401
import slow_clients  # noqa: F401
import soak  # noqa: F401
import success  # noqa: F401
from row import ROWS


def rows():
    def order(key):
        return (0, int(key), "") if key.isdigit() else (1, 0, key)
    return sorted(ROWS.items(), key=lambda entry: order(entry[0]))
