"""Reads from the command's options what to erase, and shows how they were interpreted.

Identifiers are converted to the form in which Twilio stores them (gateway/twilio/identifiers.py).
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from gateway.twilio.identifiers import Identifier, understood
from store.columns import SID_DIGITS, Record
from store.erasure.selections import Question
from store.interactions import Interaction
from store.participants import Participant
from store.services import Service
from store.sessions import Session
from store.twilio_mapping import instant

STDIN = "-"
MAX_REFERENCE = 100
AGE = re.compile(r"([1-9]\d{0,4})(d|w|mo|y)")
NEEDED = (
    "Expected what to erase, but got nothing: give --identifier, --participant, --session, --interaction, or --service "
    "with --older-than. With only the --reference of a case, that case continues."
)
ALONE = (
    "Expected --service and --older-than without other selections, but got some. They would not narrow the other "
    "selections, but add to them. Run the command for each; the same --reference gives one receipt."
)


class QuestionError(Exception):
    """The options are invalid; ``problems`` has a sentence for each problem."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class InterpretedQuestion(msgspec.Struct, frozen=True):
    """A question, how its identifiers were interpreted, and whether its age depends on the machine's clock."""

    question: Question
    identifiers: list[Identifier] = []
    by_clock: bool = False

    def in_clear(self) -> dict[str, list[str]]:
        """The question by option, with the identifiers in clear: may be shown once, but not stored."""
        return self._by_option(lambda text: text)

    def masked(self) -> dict[str, list[str]]:
        """The question by option, with a dot for each character of an identifier."""
        return self._by_option(lambda text: "•" * len(text))

    def _by_option(self, shown: Callable[[str], str]) -> dict[str, list[str]]:
        question = self.question
        values = {
            "identifier": [shown(each.given) for each in self.identifiers],
            "participant": list(question.participants),
            "session": list(question.sessions),
            "service": list(question.services),
            "older_than": [question.before] if question.before else [],
            "interaction": list(question.interactions),
        }
        return {name: value for name, value in values.items() if value}


def asked(
    options: Mapping[str, Sequence[str]], reference: str, stdin: Iterable[str], now: datetime
) -> InterpretedQuestion:
    """The question of the options; ``options`` has their values by name, with at most one for ``older_than``.

    Raises QuestionError with every problem.
    """
    problems: list[str] = []
    read = _Values(stdin, problems)
    sids = {
        name: read.sids(f"--{name}", options.get(name, ()), record_type)
        for name, record_type in (
            ("participant", Participant),
            ("session", Session),
            ("service", Service),
            ("interaction", Interaction),
        )
    }
    identifiers = read.identifiers("--identifier", options.get("identifier", ()))
    before = _before(options.get("older_than", ()), now, problems)
    others = identifiers or sids["participant"] or sids["session"] or sids["interaction"]
    if bool(sids["service"]) != bool(options.get("older_than")):
        problems.append("--service and --older-than belong together, but only one of them was given.")
    elif sids["service"] and others:
        problems.append(ALONE)
    elif not sids["service"] and not others and not reference and not problems:
        problems.append(NEEDED)
    if len(reference) > MAX_REFERENCE or not reference.isprintable():
        problems.append(
            f"--reference: expected up to {MAX_REFERENCE} printable characters, but got {reference!r:.120}."
        )
    if problems:
        raise QuestionError(problems)
    question = Question(
        identifiers=tuple(dict.fromkeys(text for each in identifiers for text in (each.value, each.given))),
        participants=sids["participant"],
        sessions=sids["session"],
        services=sids["service"],
        before=before or "",
        interactions=sids["interaction"],
        reference=reference,
    )
    by_clock = bool(before) and AGE.fullmatch(options["older_than"][0]) is not None
    return InterpretedQuestion(question, identifiers, by_clock)


class _Values:
    """Reads options' values: each is a value, or a file with one value per line, or ``-`` for standard input."""

    def __init__(self, stdin: Iterable[str], problems: list[str]) -> None:
        self._stdin, self._problems = stdin, problems
        self._stdin_of: str | None = None

    def sids(self, option: str, values: Sequence[str], record_type: type[Record]) -> tuple[str, ...]:
        pattern = re.compile(f"{record_type.prefix}{SID_DIGITS}")
        found = []
        for text in self._lines(option, values, pattern):
            if pattern.fullmatch(text):
                found.append(text)
            else:
                expected = f"{record_type.prefix} and 32 hexadecimal digits, or a file of such SIDs"
                # The rest isn't shown, since it may be a person's number.
                given = f"{len(text)} characters that begin with {text[:2]!r}"
                self._problems.append(f"{option}: expected {expected}, but got {given}.")
        return tuple(dict.fromkeys(found))

    def identifiers(self, option: str, values: Sequence[str]) -> list[Identifier]:
        """The identifiers, as interpreted."""
        found = []
        for text in dict.fromkeys(self._lines(option, values, None)):
            try:
                found.append(understood(text))
            except ValueError as error:
                self._problems.append(f"{option}: {error}")
        return found

    def _lines(self, option: str, values: Sequence[str], pattern: re.Pattern[str] | None) -> Iterator[str]:
        for value in values:
            if value == STDIN and self._stdin_of not in (None, option):
                self._problems.append(f"{option}: expected - once, but {self._stdin_of} reads standard input already.")
            elif value == STDIN:
                self._stdin_of = option
                yield from self._stripped(option, "standard input", self._stdin)
            elif not (pattern and pattern.fullmatch(value)) and _is_file(value):
                yield from self._of_file(option, Path(value))
            else:
                yield value.strip()

    def _of_file(self, option: str, path: Path) -> Iterator[str]:
        try:
            with path.open(encoding="utf-8-sig") as lines:
                yield from self._stripped(option, str(path), lines)
        except (OSError, UnicodeDecodeError) as error:
            self._problems.append(f"{option}: expected a file of UTF-8 text at {path}, but it can't be read: {error}.")

    def _stripped(self, option: str, place: str, lines: Iterable[str]) -> Iterator[str]:
        found = [text for line in lines if (text := line.strip())]
        if not found:
            self._problems.append(f"{option}: expected a value on each line of {place}, but it has none.")
        yield from found


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):
        return False


def _before(values: Sequence[str], now: datetime, problems: list[str]) -> str | None:
    """The stored date that is the age or date of ``--older-than`` ago."""
    if not values:
        return None
    if len(values) > 1:
        problems.append(f"--older-than: expected one age, but got {len(values)}.")
    text = values[0]
    try:
        if age := AGE.fullmatch(text):
            return instant(_ago(now, int(age[1]), age[2]).isoformat())
        before = datetime.fromisoformat(text)
        before = before if before.tzinfo else before.replace(tzinfo=UTC)
        if before <= now:
            return instant(before.isoformat())
        problems.append(f"--older-than: expected a date in the past, but got {text!r}.")
    except (ValueError, OverflowError):
        problems.append(
            f"--older-than: expected an age such as 90d, 12w, 18mo or 3y, or a date such as 2023-11-30, "
            f"but got {text!r:.60}."
        )
    return None


def _ago(now: datetime, number: int, unit: str) -> datetime:
    if unit in ("d", "w"):
        return now - timedelta(days=number * (7 if unit == "w" else 1))
    months = now.year * 12 + now.month - 1 - number * (12 if unit == "y" else 1)
    year, month = divmod(months, 12)
    day = now.day
    while True:  # The 31st of a month with fewer days is its last.
        try:
            return now.replace(year=year, month=month + 1, day=day)
        except ValueError:
            if day <= 28:
                raise
            day -= 1
