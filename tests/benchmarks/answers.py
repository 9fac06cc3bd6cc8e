"""Compares the answers of all contenders before anything is measured; only the text of cursors may differ."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from contenders import Contender, Setup, contending
from servers import BenchmarkFailed, Server
from workloads import Workload

COMPARED = 20
CURSORS = frozenset({"cursor", "startCursor", "endCursor"})


def compare(
    contenders: Sequence[Contender],
    bodies: Mapping[Workload, Sequence[str]],
    setup: Setup,
    report: Callable[[str], None],
) -> set[Workload]:
    """Compares the answers of ``contenders``, the gateway first, and returns the workloads that the gateway refuses.

    It may refuse those that need a higher page limit. Raises BenchmarkFailed if answers differ.
    """
    expected: dict[Workload, list[Any]] = {}
    refused: set[Workload] = set()
    for contender in contenders:
        with contending(contender, setup, raised=True) as server:
            for workload, texts in bodies.items():
                try:
                    given = [_answer(contender, server, text) for text in texts[:COMPARED]]
                except BenchmarkFailed as failure:
                    if not contender.is_gateway or not workload.raised:
                        raise
                    report(f"{workload.name}: {contender.about} is left out, since it refuses: {failure}")
                    refused.add(workload)
                    continue
                for text, answer, wanted in zip(texts, given, expected.setdefault(workload, given), strict=False):
                    if answer != wanted:
                        raise BenchmarkFailed(
                            f"{contender.about} answers {workload.name} differently from the others: {text}"
                        )
        report(f"{contender.name} gives the same answers to all workloads.")
    return refused


def _answer(contender: Contender, server: Server, text: str) -> Any:
    return without_cursors(contender.shape.answer(server.answer(contender.shape.body(text))))


def without_cursors(answer: Any) -> Any:
    """The answer with each cursor replaced by true, or by false if it is null."""
    if isinstance(answer, dict):
        return {name: bool(value) if name in CURSORS else without_cursors(value) for name, value in answer.items()}
    return [without_cursors(value) for value in answer] if isinstance(answer, list) else answer
