"""The ``lantai`` command: one file a noun; each verb parses, calls one service, prints."""
