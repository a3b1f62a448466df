"""Who is who in a tenant: accounts, sign-in, second factors, sessions and tokens, roles given by two people.

Tables: ``account``, ``role_grant``, ``credential``, ``second_factor``, ``recovery_code``, ``password_history``,
``sign_in_source``, ``organization``, ``logout_token``. Promises: passwords as Argon2id, tokens as digests only, secrets
sealed; a session or token ends at once when revoked. Never: an account that reaches two counties.
"""
