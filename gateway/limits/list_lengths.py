"""The lengths of lists without pages, as the estimate of an operation's cost takes them."""

from gateway.limits.cost import PARTICIPANTS, SERVICES, Cost
from resolvers.context import Context
from store import list_lengths


async def lengths(cost: Cost, context: Context) -> dict[str, int]:
    """The lengths, by the names that they have among the variables; Services are counted where they are listed."""
    services = await list_lengths.services(context.archive) if cost.lists_services else 0
    return {PARTICIPANTS: context.most_participants, SERVICES: services}
