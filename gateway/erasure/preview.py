"""What an erasure would do, before anything is changed: counts, what Twilio keeps, and the time it takes."""

from collections.abc import Iterator

import msgspec

from gateway.erasure.questions import InterpretedQuestion
from gateway.settings.mirror import TwilioSettings
from gateway.twilio.requests import BURST
from store.engine.protocols import Readable
from store.erasure import receipts, selections
from store.erasure.selections import SelectionCounts, ServiceCounts
from store.sync.runs import last_complete

SECONDS_OF_A_REQUEST = 0.15
"""Twilio's usual time to answer, for an estimate without a limit on the rate."""
LABEL = 16


class Preview(msgspec.Struct, frozen=True):
    """What an erasure would do. ``notes`` are sentences about things that are easily overlooked."""

    question: dict[str, list[str]]
    understood: list[str]
    sessions: int
    interactions: int
    archived_interactions: int
    """Of them, those that exist only here, since Twilio has deleted their sessions."""
    participants: int
    live_participants: int
    messages: int
    calls: int
    deletes_resources: bool
    """Whether Twilio's Messages and Calls are to be deleted too."""
    held: int
    requests: int
    seconds: int
    services: list[ServiceCounts]
    last_synced_at: str | None
    notes: list[str]


async def preview(
    archive: Readable,
    asked: InterpretedQuestion,
    twilio: TwilioSettings | None,
    remove_participants: bool,
    delete_resources: bool = False,
) -> Preview:
    """What erasing ``asked`` would do. Nothing is changed, and Twilio is not asked."""
    counts = await selections.count(archive, asked.question)
    unknown = await selections.unknown(archive, asked.question)
    last = await last_complete(archive)
    services = counts.services
    removals = counts.live_participants if remove_participants else 0
    deletions = [each.interactions - each.archived_interactions for each in services]
    sessions = sum(each.archived_sessions for each in services) + counts.participants_at_twilio
    earlier = await receipts.records_left(archive, asked.question.reference) if delete_resources else 0
    records = [counts.messages + earlier, counts.calls] if delete_resources else [0]
    requests = sum(deletions) + sessions + removals + sum(records) if twilio else 0
    busiest = max([*deletions, sessions, removals]) + max(records)
    notes = [
        *_not_here(unknown),
        *_about(counts, asked, remove_participants),
        *([EARLIER.format(number=earlier)] if earlier else []),
        *late_interactions(await selections.count_late(archive)),
        *_freshness(last),
        *(() if twilio else (WITHOUT_ACCOUNT,)),
    ]
    return Preview(
        question=asked.in_clear(),
        understood=[each.sentence for each in asked.identifiers],
        sessions=max(sum(each.sessions for each in services), counts.participant_sessions),
        interactions=sum(each.interactions for each in services),
        archived_interactions=sum(each.archived_interactions for each in services),
        participants=counts.participants,
        live_participants=counts.live_participants,
        messages=counts.messages,
        calls=counts.calls,
        deletes_resources=delete_resources,
        held=sum(each.held for each in services),
        requests=requests,
        seconds=_seconds(busiest, requests, twilio) if twilio else 0,
        services=services,
        last_synced_at=last,
        notes=notes,
    )


WITHOUT_ACCOUNT = (
    "No Twilio account is set (TWILIO_ACCOUNT_SID), so it would only be erased here. Twilio keeps it until a server, a "
    "sync or this command is started with the account."
)

EARLIER = "{number:,} Messages and Calls behind what this case has erased already are to be deleted at Twilio too."


def _not_here(unknown: dict[str, bool]) -> Iterator[str]:
    for sid, was_erased in unknown.items():
        yield f"{sid} is erased already." if was_erased else f"The archive doesn't have {sid}."


def _about(counts: SelectionCounts, asked: InterpretedQuestion, remove_participants: bool) -> Iterator[str]:
    if asked.question.before:
        by = " by this machine's clock" if asked.by_clock else ""
        yield f"Older than this means: created before {asked.question.before}{by}."
    if counts.live_participants and not remove_participants:
        yield (
            f"Participants in live sessions: {counts.live_participants:,}. They stay there, and what is sent later is "
            "mirrored again. --remove-participants removes them at Twilio."
        )
    if counts.unnamed_interactions:
        yield (
            f"Interactions of these sessions that name no participant: {counts.unnamed_interactions:,}. They are not "
            "selected; --session selects a session whole."
        )
    if counts.as_proxy_number:
        yield (
            f"Participants that have this as their proxy number, which is Twilio's and no person's: "
            f"{counts.as_proxy_number:,}. They are not selected."
        )
    for identifier, number in counts.as_channel.items():
        yield f"Participants that are {identifier}: {number:,}. They are not selected; give it as --identifier too."


def late_interactions(number: int) -> Iterator[str]:
    """A sentence about Interactions that no identifier finds, if there are any."""
    if number:
        yield (
            f"Interactions that came in after their participants were erased: {number:,}. A number doesn't find them "
            "any more; the --reference of that erasure alone does, or --participant."
        )


def _freshness(last: str | None) -> Iterator[str]:
    if last is None:
        yield "No sync of the whole account was ever completed, so Twilio may have more than is counted. Sync first."
    else:
        yield f"The last complete sync was at {last}. What Twilio got since is not counted: sync first."


def _seconds(busiest: int, requests: int, twilio: TwilioSettings) -> int:
    """An estimate: Twilio limits the rate by endpoint and Service, and an account's requests by their concurrency."""
    by_rate = busiest / max(twilio.rate - BURST / 5, 0.1) if twilio.rate else 0.0
    return round(max(by_rate, requests * SECONDS_OF_A_REQUEST / twilio.concurrency)) + 1


def as_text(preview: Preview) -> str:
    """The preview as lines of text, for people."""
    return "\n".join(_lines(preview)) + "\n"


def _lines(shown: Preview) -> Iterator[str]:
    yield "What would be erased"
    yield ""
    yield from (_labelled("For", sentence) for sentence in shown.understood)
    for name, values in shown.question.items():
        if name != "identifier":
            of = ", ".join(values[:3]) + (f" and {len(values) - 3:,} more" if len(values) > 3 else "")
            yield _labelled("For", f"{name.replace('_', ' ')} {of}")
    only_here = f", {shown.archived_interactions:,} of them only here" if shown.archived_interactions else ""
    yield _labelled("Sessions", f"{shown.sessions:,}")
    yield _labelled("Interactions", f"{shown.interactions:,}{only_here}")
    if len(shown.services) > 1:
        for each in shown.services:
            yield _labelled("", f"{each.interactions:,} in {each.unique_name or each.service_sid}")
    if shown.services:
        first, last = min(each.first for each in shown.services), max(each.last for each in shown.services)
        yield _labelled("", f"from {first[:10]} to {last[:10]}")
    yield _labelled("Participants", f"{shown.participants:,}")
    yield _labelled("Legal hold", f"{shown.held:,} interactions, as far as known")
    yield _labelled(
        "Twilio deletes" if shown.deletes_resources else "Twilio keeps",
        f"{shown.messages:,} Messages and {shown.calls:,} Calls",
    )
    requests = f"{shown.requests:,} requests, in about {_time(shown.seconds)}" if shown.requests else "nothing"
    yield _labelled("Twilio is sent", requests)
    yield ""
    yield from shown.notes
    yield "Nothing was changed. Run it again with --yes to erase."


def _labelled(label: str, value: str) -> str:
    return f"{label:<{LABEL}}{value}"


def _time(seconds: int) -> str:
    if seconds < 120:
        return f"{seconds} second{'s' * (seconds != 1)}"
    return f"{round(seconds / 60)} minutes" if seconds < 7200 else f"{seconds / 3600:.1f} hours"
