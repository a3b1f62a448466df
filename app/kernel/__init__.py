"""Values without I/O: ids, clock, errors, hashes, predicates, paging. Standard library only."""
