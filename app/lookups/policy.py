"""Who may look across. An action not named is refused; ``lookup:ask`` is a scope of API clients."""

from app.kernel.predicate import Policy, role

POLICY = Policy({"ask": role("desk", "archivist", "lookup:ask"), "read": role("desk", "archivist", "director")})
