"""The web application, as gunicorn loads it."""

from flask import Flask, Response
from werkzeug.middleware.proxy_fix import ProxyFix

from app import portal
from app.api import specification
from app.bootstrap import build
from app.doctor import require
from app.platform import telemetry
from app.platform.settings import Settings
from app.portal import site
from app.services import Services


def create_app(services: Services) -> Flask:
    """Return the Flask application with both front doors.

    Parameters
    ----------
    services : Services
    """
    web = Flask(portal.__name__, static_folder=None)
    web.extensions["lantai"] = services
    if services.settings.trusted_proxies:
        web.wsgi_app = ProxyFix(web.wsgi_app, x_for=services.settings.trusted_proxies, x_proto=1)
    web.config["MAX_CONTENT_LENGTH"] = services.settings.upload_bytes + (1 << 20)
    web.json.ensure_ascii = False  # pyright: ignore[reportAttributeAccessIssue]  # of the default provider
    specification.register(web, site.error_page)
    site.register(web)

    @web.get("/healthz")
    def healthz() -> Response:
        """Say that the process answers."""
        return Response("ok", content_type="text/plain")

    @web.get("/readyz")
    def readyz() -> Response:
        """Say whether the database answers."""
        services.directory.all()
        return Response("ok", content_type="text/plain")

    return web


def _start() -> Flask:
    telemetry.configure("web")
    settings = Settings()  # pyright: ignore[reportCallIssue]  # read from the environment
    require(settings, settings.database_url)
    return create_app(build(settings))


def __getattr__(name: str) -> Flask:
    if name == "app":
        globals()["app"] = started = _start()
        return started
    raise AttributeError(name)
