"""Finding items."""

from typing import Any

from flask.views import MethodView

from app.api import schemas
from app.api.edge import blueprint, services
from app.kernel.paging import PageRequest, decode_cursor
from search.types import Query

blp = blueprint("search", "Search")


@blp.route("/search", endpoint="Search")
class SearchView(MethodView):
    """Search by title, number, person or the text of pages."""

    @blp.arguments(schemas.SearchArguments, location="query")
    @blp.response(200, schemas.ResultsSchema)
    def get(self, asked: dict[str, Any]) -> object:
        """Return items that meet the query, best first, each with the reasons why."""
        query = Query(asked["q"], asked["fonds_code"], asked["year_from"], asked["year_to"], asked["state"])
        after = decode_cursor(asked["cursor"], kinds="i")
        return services().search.search(query, PageRequest(asked["limit"], after))
