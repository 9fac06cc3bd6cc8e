"""The upper bound: uvicorn and hand-written SQL, rows to dicts to orjson, only for the workloads, without GraphQL."""

import gc
import sqlite3
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import orjson
import uvicorn

sys.path.insert(0, str(Path(__file__).parents[1]))

from enums import InteractionType, ResourceStatus, ResourceType
from workloads import LITERAL, LONG, NESTED, NESTED_EDGES, POINT, SID, WIDE, WIDE_EDGES

PRAGMAS = "PRAGMA mmap_size=1073741824; PRAGMA cache_size=-65536; PRAGMA temp_store=MEMORY; PRAGMA query_only=ON;"
ORDER = "ORDER BY date_created, sid LIMIT ?"
LEGS = ", ".join(
    f"{side}_{column}"
    for side in ("inbound", "outbound")
    for column in ("participant_sid", "resource_sid", "resource_status", "resource_type", "resource_url")
)
INTERACTION = f"sid, session_sid, service_sid, account_sid, data, type, date_created, date_updated, {LEGS}"
MESSAGE = "sid, type, data, date_created"
PLACE = "sid, date_created"

ONE_INTERACTION = f"SELECT {INTERACTION} FROM interaction WHERE sid = ?"
INTERACTIONS = f"SELECT {INTERACTION} FROM interaction {ORDER}"
INTERACTIONS_OF = f"SELECT {INTERACTION} FROM interaction WHERE session_sid = ? {ORDER}"
MESSAGES_OF = f"SELECT {MESSAGE} FROM interaction WHERE session_sid = ? {ORDER}"
SESSIONS_OF = f"SELECT {PLACE} FROM session WHERE service_sid = ? {ORDER}"
SERVICES = f"SELECT {PLACE} FROM service {ORDER}"

NAMES: dict[str | None, str | None] = {None: None} | {
    member.value: member.name for enum in (InteractionType, ResourceStatus, ResourceType) for member in enum
}

Row = Sequence[Any]
Dict = dict[str, Any]


def interactions(rows: Iterable[Row]) -> list[Dict]:
    """One comprehension without a call: the hot loop of a compiled plan has to be faster."""
    name = NAMES
    return [
        {
            "sid": sid,
            "sessionSid": session_sid,
            "serviceSid": service_sid,
            "accountSid": account_sid,
            "data": data,
            "type": name[kind],
            "dateCreated": created,
            "dateUpdated": updated,
            "inbound": {
                "participantSid": in_participant,
                "resourceSid": in_sid,
                "resourceStatus": name[in_status],
                "resourceType": name[in_type],
                "resourceUrl": in_url,
            }
            if in_participant or in_sid
            else None,
            "outbound": {
                "participantSid": out_participant,
                "resourceSid": out_sid,
                "resourceStatus": name[out_status],
                "resourceType": name[out_type],
                "resourceUrl": out_url,
            }
            if out_participant or out_sid
            else None,
        }
        for (
            sid,
            session_sid,
            service_sid,
            account_sid,
            data,
            kind,
            created,
            updated,
            in_participant,
            in_sid,
            in_status,
            in_type,
            in_url,
            out_participant,
            out_sid,
            out_status,
            out_type,
            out_url,
        ) in rows
    ]


def messages(rows: Iterable[Row]) -> list[Dict]:
    name = NAMES
    return [{"sid": sid, "type": name[kind], "data": data, "dateCreated": created} for sid, kind, data, created in rows]


def connection(edges: list[Dict], more: bool) -> Dict:
    return {
        "edges": edges,
        "pageInfo": {
            "hasNextPage": more,
            "hasPreviousPage": False,
            "startCursor": edges[0]["cursor"] if edges else None,
            "endCursor": edges[-1]["cursor"] if edges else None,
        },
    }


class Answers:
    """Answers each workload, reading through one connection."""

    def __init__(self, database: Path) -> None:
        self._connection = sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True, cached_statements=512)
        self._connection.executescript(PRAGMAS)
        self._literal, _ = LITERAL.document.split(SID)
        self._by_document: dict[str, Callable[[str], Dict]] = {
            POINT.document: self._point,
            NESTED.document: self._nested,
            NESTED_EDGES.document: self._nested_edges,
            WIDE.document: self._wide,
            WIDE_EDGES.document: self._wide_edges,
            LONG.document: self._long,
        }

    def answer(self, body: bytes) -> bytes:
        request = orjson.loads(body)
        document: str = request["query"]
        if document.startswith(self._literal):
            start = len(self._literal)
            data = self._point(document[start : start + 34])
        else:
            data = self._by_document[document](request.get("variables", {}).get("sid", ""))
        return orjson.dumps({"data": data})

    def _rows(self, sql: str, *parameters: str | int) -> list[Any]:
        return self._connection.execute(sql, parameters).fetchall()

    def _point(self, sid: str) -> Dict:
        return {"interaction": interactions(self._rows(ONE_INTERACTION, sid))[0]}

    def _nested(self, sid: str) -> Dict:
        sessions = [
            {"sid": session, "interactions": {"nodes": interactions(self._rows(INTERACTIONS_OF, session, 20))}}
            for session, _ in self._rows(SESSIONS_OF, sid, 20)
        ]
        return {"service": {"sid": sid, "sessions": {"nodes": sessions}}}

    def _nested_edges(self, sid: str) -> Dict:
        return {"service": {"sid": sid, "sessions": self._sessions_edges(sid, 20, INTERACTIONS_OF, interactions)}}

    def _wide_edges(self, _: str) -> Dict:
        rows = self._rows(SERVICES, 21)
        edges = [
            {
                "cursor": f"{created}|{sid}",
                "node": {"sid": sid, "sessions": self._sessions_edges(sid, 10, MESSAGES_OF, messages)},
            }
            for sid, created in rows[:20]
        ]
        return {"services": connection(edges, len(rows) > 20)}

    def _sessions_edges(self, service: str, first: int, sql: str, shown: Callable[[list[Row]], list[Dict]]) -> Dict:
        sessions = self._rows(SESSIONS_OF, service, first + 1)
        edges = []
        for session, created in sessions[:first]:
            rows = self._rows(sql, session, first + 1)
            children = [
                {"cursor": f"{node['dateCreated']}|{node['sid']}", "node": node} for node in shown(rows[:first])
            ]
            node = {"sid": session, "interactions": connection(children, len(rows) > first)}
            edges.append({"cursor": f"{created}|{session}", "node": node})
        return connection(edges, len(sessions) > first)

    def _wide(self, _: str) -> Dict:
        return {
            "services": {
                "nodes": [
                    {
                        "sid": service,
                        "sessions": {
                            "nodes": [
                                {
                                    "sid": session,
                                    "interactions": {"nodes": messages(self._rows(MESSAGES_OF, session, 10))},
                                }
                                for session, _ in self._rows(SESSIONS_OF, service, 10)
                            ]
                        },
                    }
                    for service, _ in self._rows(SERVICES, 20)
                ]
            }
        }

    def _long(self, _: str) -> Dict:
        return {"interactions": {"nodes": interactions(self._rows(INTERACTIONS, 10_000))}}


class Application:
    """Reads a request body and sends the answer."""

    def __init__(self, database: Path) -> None:
        self._answers = Answers(database)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        body = message["body"]
        while message["more_body"]:
            message = await receive()
            body += message["body"]
        answer = self._answers.answer(body) if scope["method"] == "POST" else b""
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})


if __name__ == "__main__":
    application = Application(Path(sys.argv[1]))
    gc.collect()
    gc.freeze()
    uvicorn.run(
        application,
        host="127.0.0.1",
        port=int(sys.argv[2]),
        loop="uvloop",
        http="httptools",
        lifespan="off",
        timeout_keep_alive=60,  # else it hangs up on who asks while one slow answer blocks the loop for five seconds
        access_log=False,
        log_level="warning",
    )
