"""Structured log lines, each with whose it is and which request it belongs to."""

import logging
import sys
from typing import cast

import structlog
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

from tenants.scope import scope_or_none


def _whose(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    scope = scope_or_none()
    event["tenant"] = scope.tenant if scope else None
    event["request_id"] = scope.request_id if scope else event.get("request_id")
    event["principal"] = scope.principal.id if scope else None
    return event


def configure(part: str) -> None:
    """Send log lines as JSON to standard error.

    Parameters
    ----------
    part : str
        Which process speaks: ``web``, ``worker``, ``dispatcher``, ``cli``.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _whose,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                # Without the values of variables: they may be passwords, names or titles.
                structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("lantai").setLevel(logging.INFO)
    structlog.contextvars.bind_contextvars(part=part)


def logger(name: str) -> FilteringBoundLogger:
    """Return a logger of the product."""
    return cast("FilteringBoundLogger", structlog.get_logger(f"lantai.{name}"))
