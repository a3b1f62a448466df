"""The API's documentation as a page, drawn from its own specification."""

from apispec import APISpec
from flask import Blueprint, Response, make_response, render_template

from app.api.edge import PREFIX
from app.api.problems import language
from app.platform.messages import text


def page(spec: APISpec) -> Blueprint:
    """Return the blueprint that shows a specification.

    Parameters
    ----------
    spec : APISpec
        Complete.
    """
    blp = Blueprint("documentation", __name__, template_folder="templates", url_prefix=PREFIX)

    @blp.get("/docs")
    def docs() -> Response:
        """Return the page; it loads nothing and runs nothing."""
        told = spec.to_dict()
        spoken = language()
        shown = render_template(
            "api/docs.html",
            info=told["info"],
            paths=told["paths"],
            document=f"{PREFIX}/openapi.json",
            intro=text("api.intro", spoken),
            spoken=spoken,
        )
        answer = make_response(shown)
        answer.headers["Content-Security-Policy"] = "default-src 'none'"
        return answer

    return blp
