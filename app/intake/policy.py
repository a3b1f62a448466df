"""Who may import. An action not named is refused (handbook security.md, 2).

``intake:deposit`` is a scope of API clients: it hands a catalogue in, and a person of the archive confirms it.
"""

from app.kernel.predicate import Policy, role

POLICY = Policy(
    {
        "deposit": role("archivist", "intake:deposit"),
        "import": role("archivist"),
        "read": role("archivist", "director", "intake:deposit"),
    }
)
