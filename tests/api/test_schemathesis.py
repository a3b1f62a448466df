"""What the specification says is what is answered, whatever is asked: no 5xx, no undeclared answer."""

import io
from collections.abc import Callable
from typing import cast

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.records.types import Description
from tests import sheets
from tests.conftest import County, MakeCounty
from tests.integration.test_agreements import concluded
from tests.integration.test_clients import bureau
from tests.unwired import unwired

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]

schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", unwired())


@pytest.fixture(scope="module")
def things(county: County, make_county: MakeCounty, work_off: Callable[[], int]) -> dict[str, str]:
    """Return ids of things that are there, so that not every address is absent."""
    services = county.services
    with county.acting("archivist"):
        begun = services.intake.begin(io.BytesIO(sheets.catalogue(sheets.catalogue_row(1))), "目录.csv")
        upload = services.digitisation.begin("箱")
        stray = io.BytesIO(sheets.encoded(sheets.sheet(["一页"], size=(200, 120))))
        (page,) = services.digitisation.receive(upload.id, "页.jpg", stray).pages
        item = services.records.create(Description(fonds_code="Z109", title="一件"))
    work_off()
    with county.acting("archivist"), services.works() as work:
        (job,) = work.jobs.about(page.id)
    agreement, client = concluded(county, make_county()), bureau(county).client
    found = {
        "agreement": agreement,
        "client": client,
        "item": item,
        "upload": upload,
        "page": page,
        "import": begun,
        "job": job,
    }
    return {f"{name}_id": str(thing.id) for name, thing in found.items()}


@pytest.fixture(scope="module")
def bearers(county: County) -> dict[str, str]:
    """Return tokens by the part of the address that asks for them."""
    logins = {"/audit": "audit", "/agreements": "director", "/clients": "sysadmin"}
    return {part: county.token(login) for part, login in logins.items()} | {"": county.token()}


@schema.parametrize()
@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=cast("list[HealthCheck]", list(HealthCheck)),
)
def test_answers_are_as_specified(
    case: schemathesis.Case, county: County, things: dict[str, str], bearers: dict[str, str]
) -> None:
    for name, value in case.path_parameters.items():
        if name in things and str(value)[-1:] in "02468ace":
            case.path_parameters[name] = things[name]
    bearer = next(token for part, token in bearers.items() if part in case.path)
    case.call_and_validate(headers={"Authorization": f"Bearer {bearer}"}, checks=CHECKS, app=county.web)
