"""Programs that speak to the API for another office: approval bureaus, office systems.

Tables: ``api_client``, ``client_secret``, ``client_token``. Promises: a client reaches one county, and there what
two administrators gave it; secrets and tokens lie here as digests only; revoking ends its tokens at once. Never:
a client without a purpose, without an end date, or with a token that outlives five minutes.
"""
