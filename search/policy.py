"""Who may find what. Search decides as the record page does (handbook security.md, 3)."""

from app.kernel.predicate import Policy, role

POLICY = Policy({"search": role("archivist", "director", "desk"), "find": role("archivist", "director", "desk")})
