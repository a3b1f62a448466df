"""Tables for spreadsheets."""


def inert(cell: str) -> str:
    """Return a cell that a spreadsheet does not take for a formula. Source: OWASP, CSV injection."""
    return "'" + cell if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
