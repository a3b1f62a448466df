"""The only door across counties: asking another county, under an agreement, whether it holds a person's record.

Tables: ``lookup``. Promises: the holder's own copy of the agreement decides, in the holder's scope; an answer
tells what the agreement names and nothing else; both counties' logs have the lookup. Never: a listing, a title
that was not agreed on, a page, a person's name in the holder's rows or in any log.
"""
