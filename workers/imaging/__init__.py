"""Scanned pages as pixels: what a file is, its frames, their geometry and quality, pyramids to look at.

Owns no table and knows no tenant. Promises: a function is pure, returns an image and the evidence, and never
judges; a stranger's file is opened in a confined process first (`sandbox`). A frame is the upright picture:
every width, height and box counts its pixels, rightwards and downwards from the top left corner.
Never: a network, a database, a change to the file that was read.
"""
