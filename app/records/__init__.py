"""Fonds, series, file units, items: description, reference codes, checking, acceptance.

Tables: ``fonds``, ``series``, ``file_unit``, ``item``, ``item_revision``, ``component``, ``code_rule``,
``code_sequence``. Promises: one reference code names one record; every change leaves a revision.
Never: a state secret (handbook security.md, 1), a code that was not checked by its rule.
"""
