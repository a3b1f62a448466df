"""Who may do what with records. An action not named is refused (handbook security.md, 2 and 3)."""

from app.kernel.predicate import Policy, field, role

POLICY = Policy(
    {
        "read": role("archivist", "director", "desk", "scan_op", "scan_qc"),
        "read_item": role("archivist", "director", "desk") | role("scan_op", "scan_qc") & ~field("state", "catalogued"),
        "describe": role("archivist"),
        "check": role("archivist", "director"),
        "accept": role("archivist", "director"),
        "adopt_rules": role("system"),
    }
)
