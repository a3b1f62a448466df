"""What log lines tell, and what they must not."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from app.platform import telemetry


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def test_a_logged_defect_names_the_place_and_no_values(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.configure("test")

    def sign_in(password: str) -> None:
        message = f"refused after {len(password)} characters"
        raise ValueError(message)

    try:
        sign_in("Ceshi-Mima-2026")
    except ValueError:
        telemetry.logger("test").exception("request failed")
    line = capsys.readouterr().err.strip()
    assert json.loads(line)["exception"][0]["frames"][-1]["name"] == "sign_in"
    assert "Ceshi-Mima-2026" not in line
