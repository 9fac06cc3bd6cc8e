"""The form of a callback, and the Interaction that it describes.

A Service's CallbackUrl gets a form for each new Interaction and for each change of its status, with the properties of
the REST resource in camelCase (https://www.twilio.com/docs/proxy/api/webhooks#callbackurl). Twilio may add parameters
at any time; unknown ones are ignored. Those of an absent leg are absent.
"""

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl

from gateway.callbacks.signatures import Form
from store.columns import SID_DIGITS
from store.errors import BodyRejected
from store.interactions import LEG, Interaction
from store.twilio_mapping import record

FORM = b"application/x-www-form-urlencoded"
MOST_PARAMETERS = 1_000

OF_INTERACTION = ("sid", "session_sid", "service_sid", "account_sid", "type", "data", "date_created", "date_updated")
OF_LEGS = tuple(f"{leg}_{name}" for leg in ("inbound", "outbound") for name in LEG)


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.title() for word in others)


PARAMETERS: Mapping[str, str] = {
    **{_camel(f"interaction_{name}"): name for name in OF_INTERACTION},
    **{_camel(name): name for name in OF_LEGS},
}
"""The REST resource's 18 properties, by the callback's parameters."""
SIDS = {
    name: re.compile(f"{prefix}{SID_DIGITS}")
    for name, prefix in (("sid", "KI"), ("session_sid", "KC"), ("service_sid", "KS"), ("account_sid", "AC"))
}


class InvalidForm(Exception):
    """The body has more parameters than any of Twilio's forms."""


def parse(body: bytes) -> dict[str, list[str]]:
    """The parameters of a form, empty ones included (https://url.spec.whatwg.org/#urlencoded-parsing).

    Raises InvalidForm.
    """
    try:
        pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MOST_PARAMETERS)
    except ValueError as error:
        raise InvalidForm from error
    form: dict[str, list[str]] = {}
    for name, value in pairs:
        form.setdefault(name, []).append(value)
    return form


def interaction_of(form: Form) -> Interaction | None:
    """The Interaction that a form describes; None if it is another one, such as that of an OutOfSessionCallbackUrl.

    An empty parameter says nothing, such as the data of a call.
    """
    body = {name: form[given][0] for given, name in PARAMETERS.items() if form.get(given, [""])[0]}
    if not all(pattern.fullmatch(body.get(name, "")) for name, pattern in SIDS.items()):
        return None
    try:
        return record(Interaction, body)
    except BodyRejected:
        return None
