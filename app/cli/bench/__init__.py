"""``lantai bench``: promises about speed, measured side by side in one run, with the answers checked."""
