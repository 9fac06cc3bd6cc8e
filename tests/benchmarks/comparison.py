"""The comparison: each contender alone, in turn, with each workload, round by round."""

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from math import ceil
from pathlib import Path
from statistics import median
from typing import NamedTuple

import load
from contenders import OURS, Contender, Setup, contending
from servers import BenchmarkFailed, Server
from workloads import POINT, WIDE, Workload

CONNECTIONS = 8
MIXED = "mixed"
MIXED_ABOUT = "point reads on four connections beside wide reads on two: the point reads"
WIDE_CONNECTIONS, POINT_CONNECTIONS = 2, 4
WARM_UP_SECONDS = 1
TURNS = 5
"""Each connection needs at least this many answers for a rate to be meaningful."""

KEPT_ALIVE_SECONDS = 5
"""Servers close a connection that seems idle for this long; it also seems idle while an answer blocks the server."""


Files = Callable[[Contender, Workload], Path]


class Effort(NamedTuple):
    """How many times each workload is measured, and for how long."""

    rounds: int
    seconds: int


class Figure(NamedTuple):
    """Something measured of a contender; only rates are compared as ratios."""

    about: str
    unit: str

    @property
    def is_rate(self) -> bool:
        return self.unit == "/s"


class Findings:
    """The values of each figure for each contender: one for each round."""

    def __init__(self) -> None:
        self._values: defaultdict[Figure, defaultdict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        self._memory: defaultdict[str, float] = defaultdict(float)

    def add(self, contender: Contender, values: Mapping[Figure, float]) -> None:
        for figure, value in values.items():
            self._values[figure][contender.name].append(value)

    def note_memory(self, contender: Contender, server: Server) -> None:
        """Keeps the most memory that a contender had after a load, if the system shows it."""
        if memory := server.memory():
            self._memory[contender.name] = max(self._memory[contender.name], memory)

    def medians(self) -> dict[Figure, dict[str, float]]:
        """For each figure, the contenders' medians by name; the memory comes last."""
        found = {figure: {name: median(values) for name, values in of.items()} for figure, of in self._values.items()}
        return found | {Figure("peak memory", " MB"): dict(self._memory)} if self._memory else found

    def ratios(self) -> dict[Figure, dict[str, float]]:
        """For each rate, the gateway's median divided by each peer's, by the peer's name."""
        return {
            figure: {name: of[OURS.name] / theirs for name, theirs in of.items() if name != OURS.name}
            for figure, of in self.medians().items()
            if figure.is_rate and OURS.name in of
        }


def compare(
    contenders: Sequence[Contender],
    workloads: Sequence[Workload],
    files: Files,
    names: Collection[str],
    refused: Collection[Workload],
    setup: Setup,
    effort: Effort,
    report: Callable[[str], None],
) -> Findings:
    """Measures the workloads of these ``names``, whose request bodies are in the file that ``files`` tells.

    The loop over rounds is the outermost and the loop over contenders the innermost, so that contenders are
    measured within seconds of each other. Raises BenchmarkFailed if the gateway gives a wrong answer.
    """
    findings = Findings()
    for number in range(effort.rounds):
        for workload in workloads:
            if workload.name not in names:
                continue
            report(f"Round {number + 1} of {effort.rounds}: {workload.name} …")
            for contender in contenders:
                if contender.is_gateway and workload in refused:
                    continue
                with (
                    _or_left_out(contender, workload.name, report),
                    contending(contender, setup, workload.raised) as server,
                ):
                    rate = measured(server, files(contender, workload), effort.seconds, not workload.light)
                    findings.add(contender, {Figure(workload.name, "/s"): rate})
                    if not workload.raised:
                        findings.note_memory(contender, server)
        if MIXED in names:
            report(f"Round {number + 1} of {effort.rounds}: {MIXED} …")
            for contender in contenders:
                with _or_left_out(contender, MIXED, report), contending(contender, setup) as server:
                    findings.add(contender, _mixed(server, partial(files, contender), effort.seconds))
                    findings.note_memory(contender, server)
    return findings


@contextmanager
def _or_left_out(contender: Contender, workload: str, report: Callable[[str], None]) -> Iterator[None]:
    """Leaves a peer that fails out of this round of a workload; if the gateway fails, the benchmark fails too."""
    try:
        yield
    except BenchmarkFailed as failure:
        if contender.is_gateway:
            raise BenchmarkFailed(f"{workload}, {contender.name}: {failure}") from failure
        report(f"{contender.name} is left out of this: {failure}")


def warm_up(server: Server, bodies: Path) -> float:
    """Sends a request twice, and then a second of load by wrk if this is enough to answer each connection.

    All answers are checked. Returns the seconds that one answer took. A server goes on with the requests that are
    unanswered when a load ends, so with slow answers there is no load here; it would slow down what follows.
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


def measured(server: Server, bodies: Path, seconds: int, check_answers: bool = True) -> float:
    """Answers per second when warm, over ``seconds``, or longer if a few answers to each connection take longer."""
    took = warm_up(server, bodies)
    enough = min(ceil(took * CONNECTIONS * TURNS), load.LONGEST_SECONDS)
    hang_ups = CONNECTIONS if took * CONNECTIONS >= KEPT_ALIVE_SECONDS else 0
    return load.post(server.url, bodies, CONNECTIONS, max(seconds, enough), check_answers, hang_ups).rate


def _mixed(server: Server, file_of: Callable[[Workload], Path], seconds: int) -> dict[Figure, float]:
    for workload in (POINT, WIDE):
        warm_up(server, file_of(workload))
    with ExitStack() as stack:
        wide, point = (
            stack.enter_context(load.posting(server.url, file_of(workload), connections, seconds))
            for workload, connections in ((WIDE, WIDE_CONNECTIONS), (POINT, POINT_CONNECTIONS))
        )
        reads = load.finished(point)
        load.finished(wide)
    return {
        Figure(f"{MIXED}: point reads", "/s"): reads.rate,
        Figure(f"{MIXED}: their p50", " ms"): reads.p50_ms,
        Figure(f"{MIXED}: their p99", " ms"): reads.p99_ms,
    }
