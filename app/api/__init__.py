"""HTTP API under ``/api/v1``: one file a noun; each view parses, calls one service, renders."""
