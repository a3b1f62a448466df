"""Citizens' accounts: people who ask an archive for something, apart from staff in every way.

Tables: ``citizen``, ``citizen_code``, ``citizen_session``, rows of the province. Promises: phone, name and ID card
number are sealed; whether a phone number has an account is told to nobody; an account erased is gone. Never: a role
of staff, a county's rows.
"""
