"""Finding items by what their catalogue says and what their pages read.

Tables: ``search_document``. Promises: one item is one hit, with the reasons why; a county's words lie
in postings of their own; an older version never replaces a newer. Never: a hit, a count or a delay
that tells of another county, evidence (the index can be thrown away and made again).
"""
