"""Runs uvicorn on a listening socket, in one process or several."""

import gc
import logging
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Mapping

import uvicorn

from gateway.observe.logs import LogSettings, config, set_up
from gateway.settings.access import AccessSettings, JwtSettings
from gateway.settings.mirror import TwilioSettings
from gateway.settings.server import Limits, ServeSettings
from gateway.settings.sources import PREFIX
from gateway.shutdown import DRAINING
from gateway.transport.connection import Connection
from gateway.workers import Workers
from store.archive import caution
from store.engine.database import database_of

FACTORY = "gateway.server:application"

log = logging.getLogger("proxygraph.gateway")


def serve(settings: Mapping[str, str], listener: socket.socket, workers: int, note_level: int = logging.INFO) -> int:
    """Serves on ``listener`` until a signal stops it; returns the exit code.

    ``settings`` are those of ServeSettings that the workers need; they find them in the environment. What the
    operator should know about the engine's version is logged at ``note_level``.
    """
    set_up(LogSettings.of({}))
    if note := caution(database_of(settings["database"])):
        log.log(note_level, "%s", note)
    configured = {**settings, "workers": str(workers)}
    os.environ.update({f"{PREFIX}{name.upper()}": value for name, value in configured.items()})
    for stop_signal in (signal.SIGINT, signal.SIGTERM):
        # uvicorn shuts down gracefully and then raises the signal again, when nothing is left to interrupt.
        signal.signal(stop_signal, lambda *_: sys.exit(0))
    if workers == 1:
        server = uvicorn.Server(_config(1))
        server.run(sockets=[listener])
        return 0 if server.started else 1
    with tempfile.TemporaryDirectory(prefix="proxygraph-metrics-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        supervisor = Workers(_config(workers), listener)
        supervisor.run()
    return 1 if supervisor.failed_to_start else 0


def application() -> object:
    """The ASGI application of one worker, over the database that the environment names and a command has checked."""
    set_up(LogSettings.of({}))
    from gateway.app import Gateway

    # Loaded modules stay, so the collector can skip them; garbage of requests is collected sooner.
    gc.collect()
    gc.freeze()
    gc.set_threshold(2_000, 10, 5)
    Connection.seconds = Limits.of({}).read_seconds
    DRAINING.before_stopping(ServeSettings.of({}).drain)
    return Gateway(
        ServeSettings.of({}),
        TwilioSettings.of_environment_if_any(),
        check_for_damage=False,
        access=AccessSettings.of({}),
        jwt=JwtSettings.of_environment_if_any(),
    )


def _config(workers: int) -> uvicorn.Config:
    return uvicorn.Config(
        FACTORY,
        factory=True,
        workers=workers,
        loop="uvloop",
        http=Connection,
        ws="websockets-sansio",
        ws_max_size=Limits.of({}).max_body,
        ws_per_message_deflate=False,  # It would take 30 kB of each connection.
        lifespan="on",
        access_log=False,
        server_header=False,
        log_config=config(LogSettings.of({})),
        timeout_graceful_shutdown=30,
        timeout_worker_healthcheck=30,  # How long a new worker may take to start before a restart is given up.
    )
