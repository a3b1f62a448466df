"""Objects of a county on two sites.

Tables: ``stored_object``, ``replica``. Promises: an original is acknowledged only when both sites
hold it, synced and verified; it is never altered. Derivatives can be made again and lie at the home site.
"""
