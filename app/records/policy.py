"""Who may do what with records. An action not named is refused (handbook security.md, 2 and 3).

``records:read`` and ``intake:deposit`` are scopes of API clients.
"""

from app.kernel.predicate import Policy, field, role

POLICY = Policy(
    {
        "read": role("archivist", "director", "desk", "scan_op", "scan_qc", "records:read"),
        "read_item": role("archivist", "director", "desk", "records:read")
        | role("scan_op", "scan_qc") & ~field("state", "catalogued"),
        "compare": role("archivist", "intake:deposit"),
        "describe": role("archivist"),
        "check": role("archivist", "director"),
        "accept": role("archivist", "director"),
        "adopt_rules": role("system"),
    }
)
