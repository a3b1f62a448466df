"""The web application with no server behind it, for tests that are generated from its addresses."""

from flask import Flask

from app.bootstrap import build
from app.platform.settings import Settings
from app.wsgi import create_app


def unwired() -> Flask:
    """Return an application that knows its addresses and can be asked nothing else."""
    databases = ("database_url", "dispatcher_database_url", "province_database_url")
    told = {
        "broker_url": "memory://",
        "secret_key": "k" * 40,
        "master_key": "m" * 40,
        "audit_key": "a" * 40,
        "data": ".",
        "site_a": "a",
        "site_b": "b",
    }
    settings = Settings.model_validate({**dict.fromkeys(databases, "postgresql://nowhere"), **told})
    return create_app(build(settings))
