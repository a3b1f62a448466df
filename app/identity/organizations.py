"""The counties' organizations at the province's realm, kept by a service account that may do little else."""

import secrets
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from keycloak import KeycloakAdmin, KeycloakOpenIDConnection
from keycloak.exceptions import KeycloakConnectionError, KeycloakError, KeycloakPostError
from sqlalchemy.dialects.postgresql import insert

from app.identity.models import OrganizationRow
from app.identity.types import OrganizationTaken, ProviderDown
from app.kernel import clock
from app.platform import telemetry
from app.platform.work import Works
from tenants.scope import TenantId, current_scope

_TENANT = "tenant_id"
_DUE = "UPDATE_PASSWORD"
_CONFLICT = 409
T = TypeVar("T")

log = telemetry.logger("identity")


class Organizations:
    """Makes and keeps the organization of the tenant in scope; each verb may be repeated.

    Parameters
    ----------
    works : Works
    issuer : str
        ``https://…/realms/…``
    client_id, client_secret : str
        Of the service account: manage-organizations, manage-users, view-realm.
    """

    def __init__(self, works: Works, issuer: str, client_id: str, client_secret: str) -> None:
        server, _, realm = issuer.partition("/realms/")
        self._work = works
        self._issuer = issuer
        self._connect: Callable[[], Any] = lambda: KeycloakAdmin(
            connection=KeycloakOpenIDConnection(
                server_url=server,
                realm_name=realm,
                client_id=client_id,
                client_secret_key=client_secret,
                timeout=5,
                max_retries=0,
            )
        )

    def ensure(self, name: str, domain: str = "") -> str:
        """Return the id of the tenant's organization, made where there is none, and opened where it was closed.

        Raises `ProviderDown`, and `OrganizationTaken` where another organization has the name, alias or domain.
        """
        tenant = current_scope().tenant
        wanted: dict[str, object] = {"name": name, "alias": tenant, "enabled": True, "attributes": {_TENANT: [tenant]}}
        if domain:
            wanted["domains"] = [{"name": domain}]

        def make(admin: Any) -> str:  # noqa: ANN401  # python-keycloak tells no types
            found = _found(admin, tenant)
            if found is None:
                return str(admin.create_organization(wanted))
            admin.update_organization(found["id"], {**found, **wanted})
            return str(found["id"])

        organization = self._asked(make)
        values = {"issuer": self._issuer, "organization_id": organization, "created_at": clock.now()}
        with self._work() as work:
            made = insert(OrganizationRow).values(values)
            work.session.execute(made.on_conflict_do_update(index_elements=[OrganizationRow.tenant_id], set_=values))
        return organization

    def invite(self, login: str, name: str, role: str) -> tuple[str, str]:
        """Make a user who is a member and holds a role; return what they sign in with, the first time.

        The user name ends in the tenant's, as those of a realm are unique. The password must be changed at once; a
        former one ends. It is empty for whoever has chosen one already.
        """
        tenant = current_scope().tenant
        username = f"{login}@{tenant}"
        password = f"Aa1-{secrets.token_urlsafe(12)}"

        def make(admin: Any) -> str:  # noqa: ANN401  # python-keycloak tells no types
            organization = _found(admin, tenant)
            if organization is None:
                raise OrganizationTaken(tenant)
            subject = admin.get_user_id(username)
            if subject is None:
                user = {"username": username, "lastName": name[:1], "firstName": name[1:], "enabled": True}
                subject = admin.create_user({**user, "requiredActions": [_DUE]})
            if subject not in {each["id"] for each in admin.get_organization_members(organization["id"])}:
                admin.organization_user_add(subject, organization["id"])
            admin.assign_realm_roles(subject, [admin.get_realm_role(role)])
            if _DUE not in admin.get_user(subject)["requiredActions"]:
                return ""
            admin.set_user_password(subject, password, temporary=True)
            return password

        return username, self._asked(make)

    def _asked(self, act: Callable[[Any], T]) -> T:
        try:
            return act(self._connect())
        except KeycloakPostError as error:
            if error.response_code == _CONFLICT:
                raise OrganizationTaken(current_scope().tenant) from error
            raise self._failed(error) from error
        except KeycloakError as error:
            raise self._failed(error) from error

    def _failed(self, error: KeycloakError) -> ProviderDown:
        if not isinstance(error, KeycloakConnectionError):
            log.error(
                "the realm refuses the service account", status=error.response_code, host=urlsplit(self._issuer).netloc
            )
        return ProviderDown()


def _found(admin: Any, tenant: TenantId) -> dict[str, Any] | None:  # noqa: ANN401  # python-keycloak tells no types
    """Return a tenant's organization as a whole: what is sent back must not lack what it had."""
    listed = admin.get_organizations(query={"q": f"{_TENANT}:{tenant}"})
    return admin.get_organization(listed[0]["id"]) if listed else None
