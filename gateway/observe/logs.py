"""Log lines: when, how grave, who, what; one format for ours and the server's, for people or for machines."""

import logging
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal

import msgspec
from pydantic import Field

from gateway.settings.server import Settings

FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"


class LogSettings(Settings):
    """What is logged, and how."""

    has_flags: ClassVar[bool] = False

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Lines from this level on: DEBUG, INFO, WARNING or ERROR."
    )
    log_format: Literal["plain", "json"] = Field(
        "plain", description="How lines look: plain, for people, or json, for machines."
    )
    access_log: bool = Field(True, description="Whether each request gets a line, on stderr.")


class JsonLines(logging.Formatter):
    """A line is a JSON object, of what the plain one says."""

    def format(self, record: logging.LogRecord) -> str:
        """``record`` as one line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line).decode()


def config(settings: LogSettings) -> dict[str, Any]:
    """The dictionary that logging.config wants."""
    level = settings.log_level
    libraries = "WARNING" if level == "INFO" else level
    line: dict[str, Any] = {"format": FORMAT}
    if settings.log_format == "json":
        line = {"()": f"{__name__}.JsonLines"}
    stderr = {"class": "logging.StreamHandler", "stream": "ext://sys.stderr"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": line, "whole": {"format": "%(message)s"}},
        "handlers": {"stderr": stderr | {"formatter": "line"}, "access": stderr | {"formatter": "whole"}},
        "root": {"handlers": ["stderr"], "level": libraries},
        "loggers": {
            "proxygraph": {"level": level},
            "proxygraph.access": {"level": "INFO", "handlers": ["access"], "propagate": False},
            "uvicorn": {"level": libraries},
        },
    }
