"""Whether all contenders answer the same: compared before anything is measured, but for the text of cursors."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from contenders import OURS, Contender, Place, contending
from servers import BenchmarkFailed
from works import Work

COMPARED = 20
CURSORS = frozenset({"cursor", "startCursor", "endCursor"})


def compare(
    contenders: Sequence[Contender], bodies: Mapping[Work, Sequence[str]], place: Place, report: Callable[[str], None]
) -> set[Work]:
    """Compares the answers of ``contenders``, the gateway first, and returns the works that the gateway refuses.

    It may refuse those that need the page limit raised. Raises BenchmarkFailed where answers differ.
    """
    expected: dict[Work, list[Any]] = {}
    refused: set[Work] = set()
    for contender in contenders:
        with contending(contender, place, raised=True) as server:
            for work, texts in bodies.items():
                try:
                    given = [without_cursors(server.answer(text)) for text in texts[:COMPARED]]
                except BenchmarkFailed as failure:
                    if contender is not OURS or not work.raised:
                        raise
                    report(f"{work.name}: {OURS.about} is left out, since it refuses: {failure}")
                    refused.add(work)
                    continue
                for text, answer, wanted in zip(texts, given, expected.setdefault(work, given), strict=False):
                    if answer != wanted:
                        raise BenchmarkFailed(
                            f"{contender.about} answers {work.name} otherwise than the others do: {text}"
                        )
        report(f"{contender.name} answers all works alike.")
    return refused


def without_cursors(answer: Any) -> Any:
    """The answer with each cursor replaced by whether there is one."""
    if isinstance(answer, dict):
        return {name: bool(value) if name in CURSORS else without_cursors(value) for name, value in answer.items()}
    return [without_cursors(value) for value in answer] if isinstance(answer, list) else answer
