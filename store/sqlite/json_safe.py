"""Plain rows: all that their table's ``plain`` vouches for is there, and JSON writes it as it is, with nothing escaped.

Nearly every row of Twilio's is plain: SIDs, dates, addresses and words have nothing to escape. Such a row is written as
JSON by one format, which takes SQLite two thirds of the time that it takes to look at each character.
"""

from collections.abc import Sequence


def is_plain(columns: Sequence[str]) -> str:
    """The SQL that says, as 1 or 0, whether a row with these columns is plain."""
    whole = " || ".join(f"nullif({column}, '')" for column in columns)
    return f"json_quote({whole}) IS '\"' || {whole} || '\"'"
