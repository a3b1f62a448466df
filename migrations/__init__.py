"""The database's history. A revision imports no application code and runs in one transaction."""
