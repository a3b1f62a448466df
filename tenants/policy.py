"""What the province may do with counties. An action not named is refused."""

from app.kernel.errors import Refused
from app.kernel.predicate import Policy, role
from tenants.scope import PROVINCE, ProvinceScope, Scope

_OFFICE = role("province_admin", "system")

POLICY = Policy(
    dict.fromkeys(("read", "create", "suspend", "quota", "export", "import"), _OFFICE)
    | {"retire": role("province_admin")}  # two people by name: no command of the installation is one
)


def as_province(scope: Scope, purpose: str) -> ProvinceScope:
    """Return the province's scope for whoever works in its office; raises `Refused` for any county's account."""
    if scope.tenant != PROVINCE:
        raise Refused(purpose)
    return ProvinceScope(scope.principal, purpose, scope.request_id, scope.client, scope.session)
