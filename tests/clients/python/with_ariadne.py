"""A typed asynchronous client, generated from the schema by ariadne-codegen: ``with_ariadne.py URL SESSION``."""

import asyncio
import sys
from datetime import UTC

from typed_client import Client, DeleteInteractionInput


async def main(url: str, session_sid: str) -> None:
    async with Client(url) as client:
        session = (await client.conversation(session=session_sid, first=3)).session
        assert session
        first, *others = session.interactions.nodes
        assert len(others) == 2
        assert first.date_created.tzinfo == UTC
        payload = (await client.delete_interaction(input=DeleteInteractionInput(sid=first.sid))).delete_interaction
        assert payload.deleted_interaction_id == first.sid
        assert payload.remaining_resources


asyncio.run(main(*sys.argv[1:]))
