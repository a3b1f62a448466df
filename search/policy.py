"""Who may find what. Search decides as the record page does (handbook security.md, 3).

``agreement`` is who another county is under an agreement, ``search:search`` a scope of API clients.
"""

from app.kernel.predicate import Policy, field, role

POLICY = Policy(
    {
        "search": role("archivist", "director", "desk", "search:search"),
        "find": role("archivist", "director", "desk", "search:search"),
        "find_named": role("agreement") & field("state", "catalogued"),
    }
)
