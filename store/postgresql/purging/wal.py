"""Removes what was erased from one server's write-ahead log.

The log is kept in segments, files of 16 MB. Older ones are removed at a checkpoint, unless a setting, a replication
slot or the archiver keeps them. With ``wal_recycle`` on they are not removed but renamed, to be overwritten later: such
a file has old content under a future name. So the log is past a position once there is no segment up to it, and then
once the server has written past every file that was there at that moment.

A file of an older timeline is never overwritten, whatever its number is. The segment in which a standby was promoted is
one of them: where the log is archived it is renamed to ``*.partial``, and the checkpoint that drops the segment of the
same number leaves it. So such a file has to be gone.
"""

from typing import NamedTuple

from asyncpg import Connection, InsufficientPrivilegeError

STATE = """
SELECT pg_is_in_recovery(),
  CASE WHEN pg_is_in_recovery() THEN coalesce(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
    ELSE pg_current_wal_lsn() END - '0/0'::pg_lsn,
  pg_size_bytes(current_setting('wal_segment_size')),
  (SELECT array_agg(name) FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}([.]partial)?$')
"""
BEHIND = """
SELECT coalesce(nullif(application_name, ''), 'without a name') FROM pg_stat_replication
WHERE coalesce(state, 'streaming') <> 'backup' AND {condition}
"""
NOT_REPLAYED = BEHIND.format(
    condition="(write_lsn IS NULL OR replay_lsn IS NOT NULL) AND coalesce(replay_lsn - '0/0'::pg_lsn < $1, TRUE)"
)
"""A program that only writes the log to files, such as pg_receivewal, replays nothing."""
NOT_FETCHED = BEHIND.format(
    condition="coalesce(coalesce(flush_lsn, sent_lsn) - '0/0'::pg_lsn < $1, TRUE) AND NOT EXISTS ("
    "SELECT 1 FROM pg_replication_slots WHERE active_pid = pg_stat_replication.pid)"
)
"""A standby with a replication slot gets its log in any case. pg_receivewal reports its position only every ten
seconds, and never a flush."""
KEPT_BY = """
SELECT 'the replication slot ' || slot_name FROM pg_replication_slots
WHERE restart_lsn IS NOT NULL AND restart_lsn - '0/0'::pg_lsn < $1
UNION ALL SELECT 'wal_keep_size = ' || current_setting('wal_keep_size') WHERE current_setting('wal_keep_size') <> '0'
UNION ALL SELECT 'the archiver, which has not copied it yet' WHERE current_setting('archive_mode') <> 'off'
"""
NEEDS_MONITOR = (
    "The server's role may not list the files of PostgreSQL's log. Run: GRANT pg_monitor, pg_checkpoint TO the role; "
    "GRANT EXECUTE ON FUNCTION pg_switch_wal() TO the role."
)
POSITION = "SELECT pg_current_wal_lsn() - '0/0'::pg_lsn"
REPLAYED = "SELECT pg_last_wal_replay_lsn() - '0/0'::pg_lsn"
RECEIVED = "SELECT coalesce(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) - '0/0'::pg_lsn"
MARK = "SELECT pg_logical_emit_message(false, 'proxygraph', 'next segment')"
SWITCH = "SELECT pg_switch_wal()"
MAY_SWITCH = "SELECT has_function_privilege('pg_switch_wal()', 'EXECUTE')"
FILLING = "SELECT pg_logical_emit_message(false, 'proxygraph', repeat(' ', $1))"
FILLED_AT_ONCE = 1_000_000
SWITCHES = 300
"""The most segments that one attempt switches through; recycled ones take up to ``max_wal_size``."""
SWITCHES_BETWEEN_CHECKPOINTS = 8
"""By default PostgreSQL makes a checkpoint by itself after 33 segments (``max_wal_size``)."""


class Log(NamedTuple):
    """The state of a server's log: numbers of segments."""

    is_standby: bool
    current: int
    oldest: int
    newest: int
    """The last file, which may be recycled or made in advance."""
    superseded: int
    """The last file of an older timeline; -1 if there is none."""
    segment_bytes: int

    def last_to_drop(self, position: int) -> int:
        """The last segment that must be gone so that the log is past ``position``."""
        return max(max(0, position - 1) // self.segment_bytes, self.superseded)


async def log_of(connection: Connection) -> Log:
    """The state of the log of a server. Raises asyncpg.InsufficientPrivilegeError."""
    ((is_standby, position, size, names),) = await connection.fetch(STATE)
    per_id = 2**32 // size
    timeline = max(name[:8] for name in names)
    numbers, superseded = [], [-1]
    for name in names:
        number = int(name[8:16], 16) * per_id + int(name[16:24], 16)
        if name.endswith(".partial"):
            superseded.append(number + 1)  # It is dropped together with the next one.
        elif name[:8] < timeline:
            superseded.append(number)
        else:
            numbers.append(number)
    oldest = min(numbers + superseded[1:])
    return Log(is_standby, int(position) // size, oldest, max(numbers), max(superseded), size)


async def position(connection: Connection) -> int:
    """The end of the primary's log."""
    return int(await connection.fetchval(POSITION))


async def replayed(connection: Connection) -> int:
    """The position up to which a standby has replayed the log."""
    return int(await connection.fetchval(REPLAYED))


async def received(connection: Connection) -> int:
    """The position up to which a standby has the log on its disk."""
    return int(await connection.fetchval(RECEIVED))


async def begin_next_segment(connection: Connection, log: Log) -> None:
    """Makes the primary begin its next segment: by pg_switch_wal(), or, without the right, by filling this one."""
    if await connection.fetchval(MAY_SWITCH):
        await connection.execute(MARK)  # pg_switch_wal() does nothing if nothing was written since the last switch.
        await connection.execute(SWITCH)
        return
    for _ in range(log.segment_bytes // FILLED_AT_ONCE + 1):
        await connection.execute(FILLING.replace("$1", str(FILLED_AT_ONCE)))


async def checkpoint(connection: Connection) -> bool:
    """Makes a checkpoint, if the role may; PostgreSQL makes one by itself within ``checkpoint_timeout``."""
    try:
        await connection.execute("CHECKPOINT")
    except InsufficientPrivilegeError:
        return False
    return True


async def kept_by(connection: Connection, at: int) -> list[str]:
    """What may keep PostgreSQL from removing the segments up to the position ``at``."""
    return [row[0] for row in await connection.fetch(KEPT_BY, at)]


async def not_replayed(connection: Connection, position: int) -> list[str]:
    """The names of the server's standbys that have not replayed its log up to ``position``, or can't be seen."""
    return [row[0] for row in await connection.fetch(NOT_REPLAYED, position)]


async def not_fetched(connection: Connection, position: int) -> list[str]:
    """The names of those that have not fetched it yet, and could not if the server dropped it."""
    return [row[0] for row in await connection.fetch(NOT_FETCHED, position)]
