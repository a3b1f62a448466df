"""Messages as templates."""

from string import Formatter


def placeholders(text: str) -> set[str]:
    """Return the names a text wants filled in; what follows the name (``{at:%H}``, ``{at.month}``) may differ."""
    return {name.partition(".")[0] for _, name, _, _ in Formatter().parse(text) if name is not None}
