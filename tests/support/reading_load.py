"""Reads and deletions at several servers, each answer of which is checked: no row after its deletion was answered."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from itertools import count, cycle
from typing import Any

import aiohttp

QUERY = "query ($sid: ID!) { interaction(sid: $sid) { sid } }"
DELETE = "mutation ($sid: ID!) { deleteInteraction(input: {sid: $sid}) { deletedInteractionId userErrors { code } } }"
READS_A_SECOND = 200


class Load:
    """What clients do at ``addresses``, the servers in turn, with the Interactions ``sids``, and what they get."""

    def __init__(self, addresses: Sequence[str], sids: Sequence[str]) -> None:
        self.sids = list(sids)
        self.deleted: dict[str, float] = {}
        """When each deletion was answered."""
        self.uncertain: set[str] = set()
        """Deletions whose answer was an error: they may have happened, or may yet happen."""
        self.statuses: Counter[int] = Counter()
        self.refusals: list[Any] = []
        """The answers to deletions that weren't done."""
        self.codes: Counter[str] = Counter()
        """The codes of the reads that failed."""
        self.wrong: list[str] = []
        self.without_retry_after = 0
        self.failed_at: list[float] = []
        self.slowest = 0.0
        self.read_at = 0.0
        """When a read was last answered with 200."""
        self._addresses = cycle(addresses)
        self._turns = count()
        self._running: set[asyncio.Task[None]] = set()

    async def run(self, session: aiohttp.ClientSession) -> None:
        """Reads at a constant rate, however long answers take, until it is cancelled; then waits for the answers."""
        begun, sent = time.monotonic(), 0
        try:
            while True:
                while sent < (time.monotonic() - begun) * READS_A_SECOND:
                    sent += 1
                    self._start(session)
                await asyncio.sleep(0.002)
        finally:
            await asyncio.gather(*self._running)

    async def delete(self, session: aiohttp.ClientSession, sid: str) -> bool:
        """Deletes an Interaction; returns whether that was answered as done."""
        self.uncertain.add(sid)
        body = {"query": DELETE, "variables": {"sid": sid}}
        try:
            async with session.post(f"{next(self._addresses)}/graphql", json=body) as answer:
                found = await answer.json()
        except aiohttp.ClientError:
            return False
        if "errors" in found or found["data"]["deleteInteraction"]["deletedInteractionId"] != sid:
            self.refusals.append(found)
            return False
        self.deleted[sid] = time.monotonic()
        return True

    def _start(self, session: aiohttp.ClientSession) -> None:
        task = asyncio.create_task(self._read(session, self.sids[next(self._turns) % len(self.sids)]))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _read(self, session: aiohttp.ClientSession, sid: str) -> None:
        begun = time.monotonic()
        body = {"query": QUERY, "variables": {"sid": sid}}
        async with session.post(f"{next(self._addresses)}/graphql", json=body) as answer:
            self.statuses[answer.status] += 1
            if answer.status != 200:
                self.codes[(await answer.json())["errors"][0]["extensions"]["code"]] += 1
                self.failed_at.append(time.monotonic())
                self.without_retry_after += "Retry-After" not in answer.headers
                return
            found = await answer.json()
        self.read_at = time.monotonic()
        self.slowest = max(self.slowest, self.read_at - begun)
        if "errors" in found:
            self.wrong.append(f"{sid}: {found['errors']}")
        elif found["data"]["interaction"]:
            if self.deleted.get(sid, begun) < begun:
                self.wrong.append(f"{sid} was read {begun - self.deleted[sid]:.3f} s after its deletion was answered")
        elif sid not in self.uncertain:
            self.wrong.append(f"{sid} is missing")
