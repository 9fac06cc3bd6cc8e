"""Reconciles the archive with Twilio: confirms which candidates are gone, then marks or erases them.

A row that a list lacked is only a candidate, since lists shift while they are paged. It is gone if Twilio answers 404
for it and its parent exists. A Service whose Sessions are still shown exists, whatever is answered for itself, and so
does a Session whose contents are.

An Interaction that is gone from an existing Session was deleted on purpose, so it is erased here too. A Session that
was closed 90 days ago or more expired by Twilio's retention, so it is kept and marked. A Session that is gone earlier
was deleted on purpose, so it is erased with its Interactions. All candidates are checked before the first row is
erased.
"""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import NamedTuple

from gateway.sync.crawl import Crawl
from gateway.sync.left_out import RESOURCE_ERRORS
from gateway.sync.retention import Gone, classify
from gateway.twilio.client import Twilio
from gateway.twilio.errors import TwilioError, TwilioMissing
from store.engine.protocols import Archive
from store.erasure import interactions as erasure
from store.sync import listings, runs, state
from store.sync.runs import RunCounts
from store.twilio_mapping import ago

ALWAYS_ALLOWED_ERASURES = 20
"""The runs of 24 hours may erase this many rows without a flag, however small the archive is."""
BY_ITSELF, BY_FLAG = "sync", "sync --erase"
"""Who asked for an erasure, in the ledger: a run that found the row gone, or the operator, by the flag."""
ASKED_SESSIONS = 10
"""How many Sessions of a Service that is gone are requested one by one."""


class TooManyErasures(Exception):
    """The runs of 24 hours would erase a large share of the archive. The message says what to do."""


class ErasureRules(NamedTuple):
    """Whether a run may erase what was deleted at Twilio, and how large a share of the archive in 24 hours."""

    keep: bool = False
    erase_share: float = 0.01
    erase_anyway: bool = False


class Confirmation:
    """Fetches each candidate from Twilio, and reads those that still exist."""

    def __init__(self, archive: Archive, twilio: Twilio, crawl: Crawl) -> None:
        self._archive, self._twilio, self._crawl = archive, twilio, crawl
        self._gone = Gone([], [], [], [])
        self._exists_cache: dict[tuple[str, ...], bool] = {}

    async def confirm_candidates(self) -> Gone:
        """Returns what is gone. Raises a TwilioError if more than a single resource can't be fetched."""
        for service_sid in list(self._crawl.candidates.services):
            if await self._exists("Services", service_sid):
                self._crawl.leave_out_service(service_sid)
        for service_sid, session_sid in self._crawl.candidates.sessions:
            try:
                await self._confirm_session(service_sid, session_sid)
            except RESOURCE_ERRORS as error:
                await self._crawl.leave_out(service_sid, session_sid, error)
        for service_sid, session_sid, sid in list(self._crawl.candidates.interactions):
            try:
                await self._confirm_interaction(service_sid, session_sid, sid)
            except RESOURCE_ERRORS as error:
                await self._crawl.leave_out(service_sid, session_sid, error)
        return self._gone

    async def _confirm_session(self, service_sid: str, session_sid: str) -> None:
        if self._is_gone(service_sid, session_sid):
            return
        if not await self._is_missing("Services", service_sid, "Sessions", session_sid):
            await self._crawl.read_session(service_sid, session_sid)
        elif await self._exists("Services", service_sid):
            await self._classify(service_sid, session_sid)

    async def _confirm_interaction(self, service_sid: str, session_sid: str, sid: str) -> None:
        path = ("Services", service_sid, "Sessions", session_sid)
        if self._is_gone(service_sid, session_sid) or not await self._is_missing(*path, "Interactions", sid):
            return
        if path in self._exists_cache or not await self._is_missing(*path):
            self._exists_cache[path] = True
            self._gone.interactions.append(sid)
        elif await self._exists("Services", service_sid):
            await self._classify(service_sid, session_sid)

    async def _classify(self, service_sid: str, session_sid: str) -> None:
        """Adds a Session to what is gone. Raises TwilioRefused if it would be erased, but its contents are shown."""
        await classify(self._archive, self._gone, [session_sid])
        if session_sid in self._gone.deleted_sessions:
            try:
                await self._twilio.check_nothing_below("Services", service_sid, "Sessions", session_sid)
            except TwilioError:
                self._gone.deleted_sessions.remove(session_sid)
                raise

    async def _exists(self, *path: str) -> bool:
        """Whether the Service at ``path`` exists. If not, it and its Sessions are gone."""
        if path not in self._exists_cache:
            sessions: list[str] = []
            is_missing = await self._is_missing(*path)
            if is_missing:
                sessions = await listings.undecided_sessions(self._archive, path[-1])
            self._exists_cache[path] = not is_missing or await self._shows_sessions(path, sessions)
            if not self._exists_cache[path]:
                self._gone.services.append(path[-1])
                known = {*self._gone.deleted_sessions, *self._gone.expired_sessions}
                await classify(self._archive, self._gone, [sid for sid in sessions if sid not in known])
        return self._exists_cache[path]

    async def _shows_sessions(self, path: tuple[str, ...], sessions: Sequence[str]) -> bool:
        """Whether Twilio still shows Sessions of the Service at ``path``, in its list or some of those stored here."""
        if await self._twilio.shows_any(*path, "Sessions"):
            return True
        step = max(1, len(sessions) // ASKED_SESSIONS)
        for sid in sessions[::step][:ASKED_SESSIONS]:
            if not await self._is_missing(*path, "Sessions", sid):
                return True
        return False

    def _is_gone(self, service_sid: str, session_sid: str) -> bool:
        gone = self._gone
        return (
            service_sid in gone.services or session_sid in gone.deleted_sessions or session_sid in gone.expired_sessions
        )

    async def _is_missing(self, *path: str) -> bool:
        try:
            await self._twilio.fetch(*path)
        except TwilioMissing:
            return True
        return False


async def apply(
    archive: Archive, run: int, gone: Gone, rules: ErasureRules, progress: RunCounts, services_exist: bool
) -> None:
    """Marks what expired or is to be kept, and erases what was deleted, as ``run`` found it.

    Raises TooManyErasures before it marks or erases anything, and SyncSuperseded if a later run has begun.
    """
    # Another process may be deleting them right now, at Twilio and then here: they are its business, and asked for.
    requested = await listings.among(archive, listings.KNOWN_DELETED, gone.interactions)
    gone = gone._replace(interactions=[sid for sid in gone.interactions if sid not in requested])
    if not rules.keep:
        gone = await _without_kept(archive, gone)
        await _check_erasure_limit(archive, gone, rules, services_exist)
    archived = 0
    check = partial(runs.demand_latest, run=run)
    async with archive.writer.transaction() as transaction:
        await check(transaction)
        for sid in gone.expired_sessions:
            archived += await state.archive_session(transaction, sid)
        if rules.keep:
            for sid in gone.deleted_sessions:
                archived += await state.keep_session(transaction, sid)
            for sid in gone.interactions:
                await state.keep_interaction(transaction, sid)
    progress.archived += archived
    if rules.keep:
        return
    to_erase = len(gone.interactions) + await _count_interactions(archive, gone.deleted_sessions)
    by = BY_FLAG if rules.erase_anyway else BY_ITSELF
    await erasure.erase_deleted_at_twilio(archive, gone.interactions, gone.deleted_sessions, by, check)
    progress.erased += to_erase
    async with archive.writer.transaction() as transaction:
        await check(transaction)
        for sid in gone.services if services_exist or rules.erase_anyway else ():
            await transaction.execute(state.REMOVE_SERVICE, {"sid": sid})


async def _without_kept(archive: Archive, gone: Gone) -> Gone:
    """``gone``, changed so that a deleted Session with kept Interactions stays and loses only its other ones."""
    kept = await listings.among(archive, listings.SESSIONS_WITH_KEPT_INTERACTIONS, gone.deleted_sessions)
    others = [
        sid for session in sorted(kept) for sid in await listings.sids(archive, listings.STORED_INTERACTIONS, session)
    ]
    return gone._replace(
        interactions=gone.interactions + others,
        deleted_sessions=[sid for sid in gone.deleted_sessions if sid not in kept],
        expired_sessions=gone.expired_sessions + sorted(kept),
    )


async def _check_erasure_limit(archive: Archive, gone: Gone, rules: ErasureRules, services_exist: bool) -> None:
    if rules.erase_anyway:
        return
    ((total,),) = await archive.fetch(state.COUNT_INTERACTIONS)
    if not services_exist and (gone.deleted_sessions or gone.expired_sessions):
        raise TooManyErasures(
            f"Twilio no longer has any Service, but the archive has {total:,} interactions. Nothing was erased or "
            "marked. If the account was emptied on purpose, run it again with --erase; to keep what is here, with "
            "--keep."
        )
    to_erase, sessions = await _count_interactions(archive, gone.deleted_sessions), len(gone.deleted_sessions)
    to_erase += len(gone.interactions)
    if not to_erase and not sessions:
        return
    # Counted over a day, since frequent runs could otherwise erase everything, a little each time.
    erased, erased_sessions = await state.erased_since(archive, BY_ITSELF, ago(timedelta(days=1)))
    allowed = max(ALWAYS_ALLOWED_ERASURES, int((total + erased) * rules.erase_share))
    if max(erased + to_erase, erased_sessions + sessions) > allowed:
        already = f" Runs of the last 24 hours have erased {erased:,} already." if erased else ""
        raise TooManyErasures(
            f"Twilio no longer has {to_erase:,} of the {total:,} interactions here, {sessions:,} whole "
            f"sessions among them.{already} Without a flag, runs erase up to {allowed:,} in 24 hours. Nothing was "
            "erased. If they were deleted on purpose, run it again with --erase; to keep them, with --keep."
        )


async def _count_interactions(archive: Archive, session_sids: list[str]) -> int:
    return sum([len(await listings.sids(archive, listings.STORED_INTERACTIONS, sid)) for sid in session_sids])
