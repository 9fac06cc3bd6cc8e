"""The errors of a sync are kept, whatever they quote."""

import bodies
from store.engine.protocols import Archive
from store.sync import left_out, runs
from store.sync.runs import RunCounts
from store.sync.status import StatusQuery


async def test_an_error_may_quote_what_no_column_can_hold(archive: Archive) -> None:
    run = await runs.start_run(archive, "full")
    async with archive.writer.transaction() as transaction:
        await left_out.note(transaction, {bodies.sid("KC", 9): (bodies.sid("KS", 1), "a\0 and \ud83d")}, [])
    await runs.finish_run(archive, run, RunCounts(), {}, "failed", "b\0")
    (status,) = await archive.reader().read(StatusQuery(), [None])
    assert (status.last_error, [each.error for each in status.left_out]) == ("b\ufffd", ["a\ufffd and \ufffd"])
