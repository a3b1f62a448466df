"""The archive itself: rooms of the domain, and its front doors."""
