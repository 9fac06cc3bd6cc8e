"""The load: as many requests as so many connections get answered, by wrk or, where it is missing, by aiohttp."""

import asyncio
import json
import shutil
import subprocess
import sys
import time
from itertools import cycle
from pathlib import Path

import aiohttp

from servers import BenchmarkFailed

SCRIPT = Path(__file__).with_name("post.lua")
GRACE_SECONDS = 30
HEADERS = {"Content-Type": "application/json", "Accept": "application/json"}


def generator() -> str:
    """The name of what makes the load on this machine."""
    return "wrk" if shutil.which("wrk") else "aiohttp"


def rate(url: str, bodies: Path, connections: int, seconds: int) -> float:
    """How many of the bodies (one a line, posted in turn) are answered a second.

    Raises BenchmarkFailed where any answer is no 200, or carries errors.
    """
    if generator() == "wrk":
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", f"--timeout={GRACE_SECONDS}s"]
        command += ["-s", str(SCRIPT), url, "--", str(bodies)]
    else:
        command = [sys.executable, __file__, url, str(bodies), str(connections), str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 2 * GRACE_SECONDS)
    if done.returncode:
        raise BenchmarkFailed(f"{generator()} ended with exit code {done.returncode}: {done.stderr.strip()[-500:]}")
    outcome = json.loads(done.stdout.splitlines()[-1])
    if outcome["failed"] or not outcome["answers"]:
        raise BenchmarkFailed(
            f"Of {outcome['answers']:,} answers of {url}, {outcome['failed']:,} were not what was asked."
        )
    return float(outcome["answers"] / outcome["seconds"])


async def _post(url: str, bodies: list[bytes], connections: int, seconds: int) -> dict[str, float]:
    """The same as post.lua does, with one task for each connection."""
    turns = cycle(bodies)
    answers = failed = 0
    timeout = aiohttp.ClientTimeout(total=GRACE_SECONDS)
    connector = aiohttp.TCPConnector(limit=connections)
    async with aiohttp.ClientSession(headers=HEADERS, timeout=timeout, connector=connector) as client:
        begun = time.perf_counter()

        async def ask() -> None:
            nonlocal answers, failed
            while time.perf_counter() - begun < seconds:
                async with client.post(url, data=next(turns)) as response:
                    text = await response.read()
                answers += 1
                failed += response.status != 200 or b'"errors"' in text

        await asyncio.gather(*(ask() for _ in range(connections)))
        return {"answers": answers, "seconds": time.perf_counter() - begun, "failed": failed}


if __name__ == "__main__":
    address, file, connections, seconds = sys.argv[1:]
    lines = Path(file).read_bytes().splitlines()
    print(json.dumps(asyncio.run(_post(address, lines, int(connections), int(seconds)))))
