"""Who may import. An action not named is refused (handbook security.md, 2)."""

from app.kernel.predicate import Policy, role

POLICY = Policy({"import": role("archivist"), "read": role("archivist", "director")})
