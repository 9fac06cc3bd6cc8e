"""The lengths of the lists without page arguments, for the estimate of an operation's cost."""

from gateway.limits.cost import PARTICIPANTS, SERVICES, Cost
from resolvers.context import Context
from store import list_lengths


async def lengths(cost: Cost, context: Context) -> dict[str, int]:
    """The lengths, by their keys among the variables. Services are only counted if the operation lists them."""
    services = await list_lengths.services(context.archive) if cost.lists_services else 0
    return {PARTICIPANTS: context.most_participants, SERVICES: services}
