"""Web pages: the public home, the staff's desk, the viewer, and IIIF.

Owns no table. Promises: every page is HTML that works by itself, in Chinese and English, under a
policy that lets nothing inline run; another county's thing looks absent. Never: a business rule.
"""
