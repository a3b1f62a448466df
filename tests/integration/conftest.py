"""The ``lantai`` command on the archive of the tests."""

from collections.abc import Callable, Iterator

import pytest
from click.testing import CliRunner, Result
from pydantic import SecretStr

from app.cli import session
from app.cli.main import main
from app.platform.settings import Settings
from app.services import Services

Lantai = Callable[..., Result]


@pytest.fixture
def lantai(settings: Settings, services: Services, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lantai]:
    """Return the command, on the archive of the test."""
    told = {
        f"LANTAI_{name.upper()}": value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        for name, value in settings.model_dump().items()
        if value not in ("", None)
    }
    monkeypatch.setattr(session, "build", lambda _settings: services)
    session.services.cache_clear()
    yield lambda *words: CliRunner().invoke(main, words, env={**told, "LANTAI_LANG": "zh"})
    session.services.cache_clear()
