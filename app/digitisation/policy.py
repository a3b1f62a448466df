"""Who may do what with scans. An action not named is refused (handbook security.md, 2)."""

from app.kernel.predicate import Policy, role

POLICY = Policy(
    {
        "read": role("archivist", "director", "desk", "scan_op", "scan_qc"),
        "upload": role("archivist", "scan_op"),
        "place": role("archivist", "scan_op"),
        "retry": role("archivist", "scan_op", "scan_qc"),
    }
)
