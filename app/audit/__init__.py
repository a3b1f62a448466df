"""Append-only log of every tenant, as a Merkle tree that is signed outside the database.

Tables: ``audit_entry``, ``audit_head``, ``audit_tile``, ``audit_checkpoint``. Promises: an entry commits with the act
it tells of, and whoever holds the export and the public key finds any change of it. Never: an update, a deletion, a
row that ``audit_append`` did not write, a personal value.
"""
