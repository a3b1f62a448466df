"""Who is who in a county: accounts, sign-in, sessions and tokens (embedded accounts).

Tables: ``account``, ``credential``. Promises: passwords as Argon2id, tokens as digests only; a
session or token ends at once when revoked. Never: an account that reaches two counties.
"""
