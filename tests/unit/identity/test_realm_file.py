"""The realm file that production imports names what the code knows."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.identity.realm import AUDIENCE
from app.identity.types import FACTOR_ROLES, ROLES
from app.platform.settings import Settings

MARKER = "mfa_required"


@pytest.fixture(scope="module")
def realm() -> dict[str, Any]:
    return json.loads((Path(__file__).parents[3] / "infra/keycloak/province-realm.json").read_text("utf-8"))


def client(realm: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in realm["clients"] if each["clientId"] == name)


def test_the_roles_are_the_code_s(realm: dict[str, Any]) -> None:
    assert {role["name"] for role in realm["roles"]["realm"]} == ROLES | {MARKER}
    (mapped,) = realm["scopeMappings"]
    assert (mapped["client"], set(mapped["roles"])) == ("lantai-portal", ROLES)


def test_a_second_factor_is_asked_of_the_roles_that_need_one(realm: dict[str, Any]) -> None:
    asked = {role["name"] for role in realm["roles"]["realm"] if role.get("composites", {}).get("realm") == [MARKER]}
    assert asked == FACTOR_ROLES
    configured = {each["alias"]: each["config"] for each in realm["authenticatorConfig"]}
    assert configured["lantai mfa_required"]["condUserRole"] == MARKER


def test_the_clients_are_those_of_the_settings(realm: dict[str, Any]) -> None:
    fields = Settings.model_fields
    portal = client(realm, fields["oidc_client_id"].default)
    assert client(realm, fields["oidc_admin_client_id"].default)["serviceAccountsEnabled"]
    assert client(realm, AUDIENCE)["bearerOnly"]
    assert portal["redirectUris"] == ["${LANTAI_PUBLIC_URL}/auth/callback"]
    assert portal["attributes"]["pkce.code.challenge.method"] == "S256"
    assert not portal["fullScopeAllowed"]
    assert not portal["directAccessGrantsEnabled"]


def test_the_service_account_may_keep_organizations_and_users_and_nothing_else(realm: dict[str, Any]) -> None:
    (service,) = realm["users"]
    assert service["clientRoles"] == {"realm-management": ["manage-organizations", "manage-users", "view-realm"]}


def test_no_secret_is_in_the_file(realm: dict[str, Any]) -> None:
    secrets = {each["secret"] for each in realm["clients"] if "secret" in each}
    assert secrets == {"${LANTAI_OIDC_CLIENT_SECRET}", "${LANTAI_OIDC_ADMIN_CLIENT_SECRET}"}
