"""Append-only, hash-chained log of every county.

Tables: ``audit_entry``, ``audit_head``. Promises: an entry commits with the act it tells of, and
each county's entries form one unbroken chain. Never: an update, a deletion, a personal value.
"""
