"""Configures logging: one format, plain or JSON, for our lines and uvicorn's, with times in UTC."""

import logging
import logging.config
import sys
import threading
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, ClassVar, Literal

import msgspec
from pydantic import Field

from gateway.settings.base import Settings

FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"

log = logging.getLogger("proxygraph.gateway")


class LogSettings(Settings):
    """Settings of logging."""

    has_flags: ClassVar[bool] = False

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="The lowest level that is logged: DEBUG, INFO, WARNING or ERROR."
    )
    log_format: Literal["plain", "json"] = Field(
        "plain", description="The format of log lines: plain, for people, or json, for machines."
    )
    access_log: bool = Field(True, description="Log a line for each request, on stderr.")


class PlainLines(logging.Formatter):
    """One plain line for each record."""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 (logging's name)
        """The record's time in UTC, as the access log and the archive write it."""
        return _moment(record)


class JsonLines(logging.Formatter):
    """One JSON object for each record."""

    def format(self, record: logging.LogRecord) -> str:
        """``record`` as one line, its traceback included."""
        line: dict[str, Any] = {
            "time": _moment(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line).decode()


class NoHandshakes(logging.Filter):
    """Drops uvicorn's lines about WebSockets: they have the client's address and the query; the access log has ours."""

    def filter(self, record: logging.LogRecord) -> bool:
        """False for a line about a WebSocket, which is dropped."""
        return '"WebSocket' not in str(record.msg)


def config(settings: LogSettings) -> dict[str, Any]:
    """The dictionary for ``logging.config.dictConfig``."""
    level = settings.log_level
    libraries = "WARNING" if level == "INFO" else level
    line: dict[str, Any] = {"()": f"{__name__}.PlainLines", "fmt": FORMAT}
    if settings.log_format == "json":
        line = {"()": f"{__name__}.JsonLines"}
    stderr = {"class": "logging.StreamHandler", "stream": "ext://sys.stderr"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"no handshakes": {"()": f"{__name__}.NoHandshakes"}},
        "formatters": {"line": line, "whole": {"format": "%(message)s"}},
        "handlers": {"stderr": stderr | {"formatter": "line"}, "access": stderr | {"formatter": "whole"}},
        "root": {"handlers": ["stderr"], "level": libraries},
        "loggers": {
            "proxygraph": {"level": level},
            "proxygraph.access": {"level": "INFO", "handlers": ["access"], "propagate": False},
            "uvicorn": {"level": libraries},
            # At DEBUG the library websockets logs the messages, which may contain personal data.
            "uvicorn.error": {"level": "INFO" if level == "DEBUG" else libraries, "filters": ["no handshakes"]},
        },
    }


def set_up(settings: LogSettings) -> None:
    """Configures logging in this process. With JSON, warnings and uncaught exceptions are logged as JSON too."""
    logging.config.dictConfig(config(settings))
    logging.captureWarnings(True)
    if settings.log_format == "json":
        sys.excepthook = _uncaught
        threading.excepthook = lambda of: _uncaught(of.exc_type, of.exc_value, of.exc_traceback)
        sys.unraisablehook = lambda of: _uncaught(of.exc_type, of.exc_value, of.exc_traceback)


def _uncaught(error_type: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    log.critical("Uncaught error: %s", error_type.__name__, exc_info=(error_type, error or error_type(), trace))


def _moment(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
