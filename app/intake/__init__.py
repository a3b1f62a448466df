"""Catalogues of counties coming in, from CSV and Excel.

Tables: ``catalogue_import``, ``import_profile``. Promises: nothing is written until somebody confirms
the preview; then everything is, in one transaction, once. Never: a stranger's file parsed outside a
worker, a cell changed without saying so, a state secret (handbook security.md, 1).
"""
