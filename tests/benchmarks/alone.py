"""Measurements of the gateway alone: seeding, starting, two workers instead of one, and memory over a long time."""

import json
from collections.abc import Callable, Iterator
from statistics import median
from typing import NamedTuple

import load
from comparison import CONNECTIONS, Effort, measured, warm_up
from contenders import Setup, contending
from servers import BenchmarkFailed, Server
from workloads import INTERACTION, NESTED, POINT

STARTS = 5
START = "start"
WORKERS = "workers"
SEARCHES = "searches"
SEARCH_CONNECTIONS, POINT_CONNECTIONS = 8, 4
SEARCH = '{ interactions(first: 1, filter: { bodyContains: "no such text in any message" }) { nodes { sid } } }'
ABOUT = {
    START: "from start to ready",
    WORKERS: "nested by two worker processes, divided by the same by one",
    SEARCHES: "point reads on four connections, by themselves and beside eight searches that read every text",
}
DIFFERENT_DOCUMENTS, COMMON_DOCUMENTS, ONE_RARE_IN = 10_000, 100, 20
MOST_IN_A_SLICE = 100_000
SLICE_SECONDS = 10


class Growth(NamedTuple):
    """Resident memory in MB: before the first request, after a tenth of them, and after the last."""

    requests: int
    at_start: float
    at_a_tenth: float
    at_the_end: float


def starts_ms(setup: Setup) -> list[float]:
    """Milliseconds from start to ready, several times."""
    times = []
    for _ in range(STARTS):
        with contending(setup.ours, setup) as server:
            times.append(server.start_ms)
    return times


def workers(setup: Setup, effort: Effort, report: Callable[[str], None]) -> tuple[float, float]:
    """Answers a second by one worker and by two, medians of interleaved rounds."""
    bodies = setup.scratch / WORKERS
    bodies.write_text("\n".join(NESTED.bodies(setup.archive)))
    rates: dict[int, list[float]] = {1: [], 2: []}
    for number in range(effort.rounds):
        report(f"Round {number + 1} of {effort.rounds}: {WORKERS} …")
        for count, found in rates.items():
            with contending(setup.ours, setup, workers=count) as server:
                # Answers are checked while warming up; checking here would take time of the cores that are measured.
                found.append(measured(server, bodies, effort.seconds, check_answers=False))
    return median(rates[1]), median(rates[2])


def beside_searches(setup: Setup, seconds: int) -> tuple[load.Load, load.Load]:
    """Point reads by themselves, and beside eight searches at a time."""
    points, searches = setup.scratch / "points", setup.scratch / SEARCHES
    points.write_text("\n".join(POINT.bodies(setup.archive)))
    searches.write_text(json.dumps({"query": SEARCH}))
    with contending(setup.ours, setup) as server:
        warm_up(server, points)
        by_themselves = load.post(server.url, points, POINT_CONNECTIONS, seconds)
        with (
            load.posting(server.url, searches, SEARCH_CONNECTIONS, seconds) as searching,
            load.posting(server.url, points, POINT_CONNECTIONS, seconds) as reading,
        ):
            beside = load.finished(reading)
            load.finished(searching)
        return by_themselves, beside


def growth(setup: Setup, requests: int, report: Callable[[str], None]) -> Growth:
    """How memory grows over ``requests`` point requests, with 10,000 documents that differ in more than a literal.

    One request in twenty uses the next of all documents, which are more than the gateway caches; the others use a
    hundred of them. Raises BenchmarkFailed if the system does not show a process's memory.
    """
    bodies, sids = setup.scratch / "documents", POINT.found_sids(setup.archive)
    different = [_different(number, sids) for number in range(DIFFERENT_DOCUMENTS)]
    with contending(setup.ours, setup) as server:
        at_start, at_a_tenth, answered = _resident(server), None, 0
        while answered < requests:
            bodies.write_text("\n".join(_some_of(different, answered)))
            answered += load.post(server.url, bodies, CONNECTIONS, SLICE_SECONDS).answers
            if at_a_tenth is None and answered >= requests / 10:
                at_a_tenth = _resident(server)
            report(f"{answered:,} of {requests:,} requests answered; {_resident(server):.0f} MB …")
        return Growth(answered, at_start, at_a_tenth or at_start, _resident(server))


def _some_of(different: list[str], begun: int) -> Iterator[str]:
    """The most that one slice of the load can send, after ``begun`` requests."""
    for number in range(begun, begun + MOST_IN_A_SLICE):
        rare, rest = divmod(number, ONE_RARE_IN)
        yield different[number % COMMON_DOCUMENTS if rest else rare % DIFFERENT_DOCUMENTS]


def _different(number: int, sids: list[str]) -> str:
    document = f"query Point($sid: ID!) {{ interaction(sid: $sid) {{ number{number}: sid {INTERACTION} }} }}"
    return json.dumps({"query": document, "variables": {"sid": sids[number % len(sids)]}})


def _resident(server: Server) -> float:
    memory = server.memory()
    if memory is None:
        raise BenchmarkFailed("Memory is read from /proc/PID/smaps_rollup, and this system has none.")
    return memory
