"""Merkle trees and their proofs, as pure functions. Source: RFC 9162, 2.1.

A proof says that an entry is in a log, or that a log only grew, to whoever holds two roots and nothing else. The
tree itself is not held: a caller tells the root of any complete subtree.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256

Node = Callable[[int, int], bytes]
"""Height and number to the root of a complete subtree: (0, 5) is the sixth leaf, (3, 0) spans the first eight."""


def leaf(data: bytes) -> bytes:
    """Return the hash of a leaf."""
    return sha256(b"\x00" + data).digest()


def joined(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node."""
    return sha256(b"\x01" + left + right).digest()


def complete(hashes: Sequence[bytes]) -> bytes:
    """Return the root over neighbouring hashes, whose number is a power of two."""
    while len(hashes) > 1:
        hashes = [joined(left, right) for left, right in zip(hashes[::2], hashes[1::2], strict=True)]
    return hashes[0]


def root(size: int, node: Node) -> bytes:
    """Return the root of the first ``size`` leaves. Source: RFC 9162, 2.1.1."""
    return _spanned(0, size, node) if size else sha256(b"").digest()


def inclusion(index: int, size: int, node: Node) -> list[bytes]:
    """Return the proof that the leaf at ``index``, from 0, is among the first ``size``. Source: RFC 9162, 2.1.3.1."""
    path: list[bytes] = []
    begin, end = 0, size
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            path.append(_spanned(middle, end, node))
            end = middle
        else:
            path.append(_spanned(begin, middle, node))
            begin = middle
    return path[::-1]


def consistency(first: int, second: int, node: Node) -> list[bytes]:
    """Return the proof that the first ``first`` leaves lead the first ``second``. Source: RFC 9162, 2.1.4.1."""
    path: list[bytes] = []
    begin, end = 0, second
    while end != first:
        middle = begin + _split(end - begin)
        if first <= middle:
            path.append(_spanned(middle, end, node))
            end = middle
        else:
            path.append(_spanned(begin, middle, node))
            begin = middle
    if begin:
        path.append(_spanned(begin, end, node))
    return path[::-1]


def included(index: int, size: int, hashed: bytes, path: Sequence[bytes], expected: bytes) -> bool:
    """Say whether a proof leads from a leaf to a root. Source: RFC 9162, 2.1.3.2."""
    if not 0 <= index < size:
        return False
    place, last, found = index, size - 1, hashed
    for step in path:
        if last == 0:
            return False
        if place & 1 or place == last:
            found = joined(step, found)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            found = joined(found, step)
        place, last = place >> 1, last >> 1
    return last == 0 and found == expected


def grown(first: int, second: int, before: bytes, after: bytes, path: Sequence[bytes]) -> bool:
    """Say whether a proof leads from one root to a later one. Source: RFC 9162, 2.1.4.2."""
    if first == second:
        return not path and before == after
    if not 0 < first < second or not path:
        return False
    steps = [before, *path] if first & (first - 1) == 0 else list(path)
    place, last = first - 1, second - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old = new = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            old, new = joined(step, old), joined(step, new)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            new = joined(new, step)
        place, last = place >> 1, last >> 1
    return last == 0 and (old, new) == (before, after)


def _split(size: int) -> int:
    """Return the largest power of two below a size."""
    return 1 << (size - 1).bit_length() - 1


def _spanned(begin: int, end: int, node: Node) -> bytes:
    size = end - begin
    if size & (size - 1) == 0:
        return node(size.bit_length() - 1, begin // size)
    middle = begin + _split(size)
    return joined(_spanned(begin, middle, node), _spanned(middle, end, node))
