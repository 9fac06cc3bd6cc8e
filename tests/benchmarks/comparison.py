"""The comparison: each contender alone, in turn, with each work, round by round."""

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from math import ceil
from pathlib import Path
from statistics import median
from typing import NamedTuple

import load
from contenders import OURS, Contender, Place, contending
from servers import BenchmarkFailed, Server
from works import POINT, WIDE, Work

CONNECTIONS = 8
MIXED = "mixed"
MIXED_ABOUT = "point reads on four connections beside wide reads on two: the point reads"
WIDE_CONNECTIONS, POINT_CONNECTIONS = 2, 4
WARM_UP_SECONDS = 1
TURNS = 5
"""How often each connection should be answered, at least, for a load to tell a rate."""

KEPT_ALIVE_SECONDS = 5
"""When servers hang up on a connection that seems idle to them, as it does while an answer blocks them so long."""


class Effort(NamedTuple):
    """How often each work is measured, and how long each time."""

    rounds: int
    seconds: int


class Figure(NamedTuple):
    """What is measured of a contender; only rates are compared as ratios."""

    about: str
    unit: str

    @property
    def is_rate(self) -> bool:
        return self.unit == "/s"


class Findings:
    """The values of each figure, for each contender, one of a round."""

    def __init__(self) -> None:
        self._values: defaultdict[Figure, defaultdict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        self._memory: defaultdict[str, float] = defaultdict(float)

    def add(self, contender: Contender, values: Mapping[Figure, float]) -> None:
        for figure, value in values.items():
            self._values[figure][contender.name].append(value)

    def note_memory(self, contender: Contender, server: Server) -> None:
        """Keeps the most memory that a contender had after a load, on systems that tell."""
        if memory := server.memory():
            self._memory[contender.name] = max(self._memory[contender.name], memory)

    def medians(self) -> dict[Figure, dict[str, float]]:
        """For each figure the contenders' medians, by name; the memory comes last."""
        found = {figure: {name: median(values) for name, values in of.items()} for figure, of in self._values.items()}
        return found | {Figure("memory at its most", " MB"): dict(self._memory)} if self._memory else found

    def ratios(self) -> dict[Figure, dict[str, float]]:
        """For each rate the gateway's median through each peer's, by the peer's name."""
        return {
            figure: {name: of[OURS.name] / theirs for name, theirs in of.items() if name != OURS.name}
            for figure, of in self.medians().items()
            if figure.is_rate and OURS.name in of
        }


def compare(
    contenders: Sequence[Contender],
    files: Mapping[Work, Path],
    names: Collection[str],
    refused: Collection[Work],
    place: Place,
    effort: Effort,
    report: Callable[[str], None],
) -> Findings:
    """Measures the works of these ``names``, whose request bodies are in ``files``.

    The rounds are outermost and the contenders innermost, so that those that are compared are measured within
    seconds of each other. Raises BenchmarkFailed where an answer of the gateway is not what it should be.
    """
    findings = Findings()
    for number in range(effort.rounds):
        for work, bodies in files.items():
            if work.name not in names:
                continue
            report(f"Round {number + 1} of {effort.rounds}: {work.name} …")
            for contender in contenders:
                if contender is OURS and work in refused:
                    continue
                with _or_left_out(contender, work.name, report), contending(contender, place, work.raised) as server:
                    rate = measured(server, bodies, effort.seconds, not work.light)
                    findings.add(contender, {Figure(work.name, "/s"): rate})
                    if not work.raised:
                        findings.note_memory(contender, server)
        if MIXED in names:
            report(f"Round {number + 1} of {effort.rounds}: {MIXED} …")
            for contender in contenders:
                with _or_left_out(contender, MIXED, report), contending(contender, place) as server:
                    findings.add(contender, _mixed(server, files, effort.seconds))
                    findings.note_memory(contender, server)
    return findings


@contextmanager
def _or_left_out(contender: Contender, work: str, report: Callable[[str], None]) -> Iterator[None]:
    """A peer that fails is left out of a work's round; where the gateway fails, so does the benchmark."""
    try:
        yield
    except BenchmarkFailed as failure:
        if contender is OURS:
            raise BenchmarkFailed(f"{work}, {contender.name}: {failure}") from failure
        report(f"{contender.name} is left out of this: {failure}")


def warm_up(server: Server, bodies: Path) -> float:
    """Asks twice, and then for a second by wrk if that answers each connection; all answers are looked at.

    Returns the seconds that one answer took. What a load leaves unanswered when it ends is worked on all the same, so
    where answers take long there is no second by wrk, which would slow down what follows.
    """
    with bodies.open() as lines:
        body = lines.readline()
    server.answer(body)
    begun = time.perf_counter()
    server.answer(body)
    took = time.perf_counter() - begun
    if took * CONNECTIONS < WARM_UP_SECONDS / 2:
        load.post(server.url, bodies, CONNECTIONS, WARM_UP_SECONDS)
    return took


def measured(server: Server, bodies: Path, seconds: int, look: bool = True) -> float:
    """Answers a second once warm, over so many seconds, or over as many as a few turns of each connection take."""
    took = warm_up(server, bodies)
    enough = min(ceil(took * CONNECTIONS * TURNS), load.LONGEST_SECONDS)
    hang_ups = CONNECTIONS if took * CONNECTIONS >= KEPT_ALIVE_SECONDS else 0
    return load.post(server.url, bodies, CONNECTIONS, max(seconds, enough), look, hang_ups).rate


def _mixed(server: Server, files: Mapping[Work, Path], seconds: int) -> dict[Figure, float]:
    for work in (POINT, WIDE):
        warm_up(server, files[work])
    with ExitStack() as stack:
        wide, point = (
            stack.enter_context(load.posting(server.url, files[work], connections, seconds))
            for work, connections in ((WIDE, WIDE_CONNECTIONS), (POINT, POINT_CONNECTIONS))
        )
        reads = load.finished(point)
        load.finished(wide)
    return {
        Figure(f"{MIXED}: point reads", "/s"): reads.rate,
        Figure(f"{MIXED}: their p50", " ms"): reads.p50_ms,
        Figure(f"{MIXED}: their p99", " ms"): reads.p99_ms,
    }
