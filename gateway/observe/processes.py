"""Process metrics of several workers: memory, CPU time, open files, Python version.

With several workers prometheus-client leaves out its process collectors, since each knows only its own process. This
module copies their values into shared metrics, which prometheus-client adds up over the live workers (CPU time over
all workers, since those that have ended used it too).
"""

import os
import re
from pathlib import Path

from prometheus_client import GC_COLLECTOR, PLATFORM_COLLECTOR, PROCESS_COLLECTOR, Counter, Gauge
from prometheus_client.multiprocess import mark_process_dead

COLLECTORS = (PROCESS_COLLECTOR, PLATFORM_COLLECTOR, GC_COLLECTOR)
MODES = {"process_start_time_seconds": "livemin", "process_max_fds": "livemin", "python_info": "livemax"}
"""How the gauges of several workers are merged; all others are summed."""
METRICS_FILE = re.compile(r"[a-z_]+_(\d+)\.db")


class ProcessFigures:
    """Copies the values of prometheus-client's process collectors into metrics that the workers share."""

    def __init__(self) -> None:
        self._gauges: dict[str, Gauge] = {}
        self._counters: dict[str, Counter] = {}
        self._counted: dict[tuple[str, tuple[str, ...]], float] = {}

    def note(self) -> None:
        """Copies the current values."""
        for collector in COLLECTORS:
            for family in collector.collect():
                for sample in family.samples:
                    names, values = tuple(sample.labels), tuple(sample.labels.values())
                    if family.type == "counter":
                        self._count(family.name, family.documentation, names, values, sample.value)
                    else:
                        gauge = self._gauges.get(family.name) or self._gauges.setdefault(
                            family.name, _gauge(family.name, family.documentation, names)
                        )
                        (gauge.labels(*values) if names else gauge).set(sample.value)

    def _count(
        self, name: str, documentation: str, names: tuple[str, ...], values: tuple[str, ...], total: float
    ) -> None:
        counter = self._counters.get(name) or self._counters.setdefault(
            name, Counter(name, documentation, names, registry=None)
        )
        before = self._counted.get((name, values), 0.0)
        (counter.labels(*values) if names else counter).inc(max(total - before, 0.0))
        self._counted[name, values] = total


def forget_dead(folder: Path) -> None:
    """Removes the gauges of workers that have ended from ``folder``, the shared directory of the metrics."""
    owners = {match[1] for file in folder.iterdir() if (match := METRICS_FILE.fullmatch(file.name))}
    for pid in owners:
        if not _is_alive(int(pid)):
            mark_process_dead(int(pid), str(folder))  # type: ignore[no-untyped-call]


def _gauge(name: str, documentation: str, names: tuple[str, ...]) -> Gauge:
    mode = MODES.get(name, "livesum")
    return Gauge(name, documentation, names, registry=None, multiprocess_mode=mode)  # type: ignore[arg-type]


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
