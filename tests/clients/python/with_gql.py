"""gql, which checks queries against the schema before it sends them: ``with_gql.py URL SESSION``."""

import asyncio
import sys

from gql import Client, gql
from gql.transport.aiohttp import AIOHTTPTransport
from graphql import GraphQLError

CONVERSATION = """
query Conversation($session: ID!, $after: String) {
  session(sid: $session) {
    interactions(first: 5, after: $after) { nodes { sid body } pageInfo { hasNextPage endCursor } }
  }
}
"""


async def main(url: str, session_sid: str) -> None:
    seen, after = [], None
    async with Client(transport=AIOHTTPTransport(url), fetch_schema_from_transport=True) as client:
        while True:
            query = gql(CONVERSATION)
            query.variable_values = {"session": session_sid, "after": after}
            page = (await client.execute(query))["session"]["interactions"]
            seen += [node["sid"] for node in page["nodes"]]
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                break
        assert len(set(seen)) == len(seen) == 12
        try:
            await client.execute(gql("{ nothing }"))
        except GraphQLError as error:
            assert "Cannot query field 'nothing'" in str(error)
        else:
            raise AssertionError("gql let a query through that the schema does not allow.")


asyncio.run(main(*sys.argv[1:]))
