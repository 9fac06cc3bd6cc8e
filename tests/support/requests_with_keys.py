"""A small query, and a key's headers as an ASGI server gives them."""

QUERY = {"query": "{ services { totalCount } }"}


def headers_of(text: str) -> dict[bytes, bytes]:
    return {b"authorization": f"Bearer {text}".encode()}
