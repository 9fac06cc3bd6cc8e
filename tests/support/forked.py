"""Runs ``python -m gateway`` by a fork of ``preloaded.py``, and is to its parent what that process would be.

``forked.py SOCKET ARGUMENT…`` has the standard streams, the environment, the folder and the exit code of the command,
and passes signals on to it. It is started without site-packages, and imports as little as it can.
"""

import json
import os
import signal
import socket
import sys
from contextlib import suppress

PASSED_ON = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2}


def main() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON)
    with socket.socket(socket.AF_UNIX) as server, server.makefile("rb") as answers:
        server.connect(sys.argv[1])
        folder = os.getcwd()  # noqa: PTH109 (to import pathlib takes as long as all the rest)
        request = json.dumps([sys.argv[2:], dict(os.environ), folder]).encode() + b"\n"
        sent = socket.send_fds(server, [request], [0, 1, 2])
        server.sendall(request[sent:])
        # The command alone holds the streams, so that who reads or writes them sees when it closes them.
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nothing, stream)
        process = int(answers.readline())
        for number in PASSED_ON:
            signal.signal(number, lambda number, _: pass_on(process, number))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
        code = int(answers.readline())
    if code < 0:
        if -code not in {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def pass_on(process: int, number: int) -> None:
    with suppress(ProcessLookupError):  # It has ended, which the next answer says.
        os.kill(process, number)


if __name__ == "__main__":
    main()
