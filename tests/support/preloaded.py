"""A process that has imported the gateway, and forks whenever a test runs a command.

Importing the gateway takes a command ten times as long as most of what it does. Each command is a process of its own
here too, with its own arguments, environment, folder and standard streams, and runs ``gateway/__main__.py`` as
``python -m gateway`` does; only what it imports is there before. ``pytest --fresh-interpreters`` does without.

Started with the number of an open socket, it serves ``forked.py`` on it until standard input is closed. A request is a
line of JSON, ``[arguments, environment, folder]``, with the three standard streams. It is answered by the lines of the
process's id and, once it has ended, of its exit code as of ``multiprocessing``. If the client goes before that, the
process is killed.
"""

import gc
import importlib
import io
import json
import multiprocessing
import os
import pkgutil
import runpy
import signal
import socket
import sys
import time
from multiprocessing.connection import wait
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import Any, TextIO

ROOT = Path(__file__).parents[2]
PACKAGES = ("gateway", "schema", "resolvers", "store")
NOT_IMPORTED = ("gateway.__main__", "gateway.graphiql.page", "gateway.installed")
LIBRARIES = ("rich.progress", "rich.table", "uvicorn.loops.auto", "uvloop")
LONGEST = 2**20
"""The bytes of a request, whose environment the system limits to less."""


def preload() -> None:
    """Imports all that commands import, and takes it out of the garbage collection, as it is never garbage."""
    for package in PACKAGES:
        root = importlib.import_module(package)
        for module in pkgutil.walk_packages(root.__path__, f"{package}."):
            if not module.name.startswith(NOT_IMPORTED):
                importlib.import_module(module.name)
    for library in LIBRARIES:
        importlib.import_module(library)
    gc.collect()
    gc.freeze()


def serve(listener: socket.socket) -> None:
    """Forks for each client that connects to ``listener``, until standard input is closed."""
    processes: dict[int, tuple[ForkProcess, socket.socket]] = {}
    clients: dict[socket.socket, ForkProcess] = {}
    while True:
        for ready in wait([sys.stdin.fileno(), listener, *processes, *clients]):
            if ready == sys.stdin.fileno():
                for process, _ in processes.values():
                    process.kill()
                return
            if ready is listener:
                client = listener.accept()[0]
                process = fork(client, [listener, *clients])
                processes[process.sentinel], clients[client] = (process, client), process
            elif isinstance(ready, int):
                process, client = processes.pop(ready)
                process.join()
                if clients.pop(client, None):
                    client.sendall(f"{process.exitcode}\n".encode())
                client.close()
            elif isinstance(ready, socket.socket) and ready in clients:  # The client is gone.
                clients.pop(ready).kill()


def fork(client: socket.socket, others: list[socket.socket]) -> ForkProcess:
    """The started process for the request of ``client``; ``others`` are what it doesn't inherit either."""
    request, streams, _, _ = socket.recv_fds(client, LONGEST, 3)
    while not request.endswith(b"\n"):
        request += client.recv(LONGEST)
    arguments = ([client, *others], streams, *json.loads(request))
    process = multiprocessing.get_context("fork").Process(target=run, args=arguments)
    process.start()
    for stream in streams:
        os.close(stream)
    client.sendall(f"{process.pid}\n".encode())
    return process


def run(
    inherited: list[socket.socket], streams: list[int], arguments: list[str], environment: dict[str, str], folder: str
) -> None:
    """Runs the command as the main program of this process."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for each in inherited:
        each.close()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(folder)
    unbuffered = bool(environment.get("PYTHONUNBUFFERED"))
    standard = {
        "stdin": open(0, encoding="utf-8", closefd=False),  # noqa: SIM115 (as long as the process)
        "stdout": text_stream(1, unbuffered),
        "stderr": text_stream(2, unbuffered),
    }
    # Both names hold them: a text that nothing holds would close what is under it.
    vars(sys).update(standard | {f"__{name}__": stream for name, stream in standard.items()})
    sys.argv = [str(ROOT / "gateway" / "__main__.py"), *arguments]
    try:
        runpy.run_module("gateway", run_name="__main__", alter_sys=True)
    except Exception as error:
        sys.excepthook(type(error), error, error.__traceback__)
        sys.exit(1)


def text_stream(number: int, unbuffered: bool) -> TextIO:
    """A standard stream as the interpreter makes it."""
    raw = io.FileIO(number, "w", closefd=False)
    buffer: Any = raw if unbuffered else io.BufferedWriter(raw)
    errors, by_line = ("backslashreplace", True) if number == 2 else ("strict", raw.isatty())
    return io.TextIOWrapper(buffer, "utf-8", errors, line_buffering=by_line, write_through=unbuffered)


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.path[0] = str(ROOT)  # As ``python -m`` has it.
    with socket.socket(fileno=int(sys.argv[1])) as listener:
        preload()
        serve(listener)


if __name__ == "__main__":
    main()
