"""Trees and proofs against the definition of RFC 9162, written down as it stands there."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.audit import merkle
from app.audit.offline import TILE, Tree

LEAVES = [
    bytes.fromhex(data)
    for data in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
"""The tree of the Certificate Transparency implementations' tests, at every size."""


def naive(leaves: list[bytes]) -> bytes:
    """Return MTH(D). Source: RFC 9162, 2.1.1."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return sha256(b"\x01" + naive(leaves[:k]) + naive(leaves[k:])).digest()


def node_of(leaves: list[bytes]) -> merkle.Node:
    hashes = [merkle.leaf(data) for data in leaves]
    return lambda height, number: merkle.complete(hashes[number << height : (number + 1) << height])


@pytest.mark.parametrize("size", range(9))
def test_the_known_tree(size: int) -> None:
    tree = Tree()
    for data in LEAVES[:size]:
        tree.add(merkle.leaf(data))
    known = ROOTS[size]
    assert {naive(LEAVES[:size]).hex(), merkle.root(size, node_of(LEAVES)).hex(), tree.root().hex()} == {known}


some = st.lists(st.binary(max_size=3), min_size=1, max_size=70)


@given(some, st.data())
def test_a_proof_holds_for_its_leaf_and_root_and_no_other(leaves: list[bytes], data: st.DataObject) -> None:
    size = data.draw(st.integers(1, len(leaves)))
    index = data.draw(st.integers(0, size - 1))
    root, hashed = naive(leaves[:size]), merkle.leaf(leaves[index])
    path = merkle.inclusion(index, size, node_of(leaves))
    assert merkle.included(index, size, hashed, path, root)
    assert not merkle.included(index, size, merkle.leaf(b"long"), path, root)
    assert not merkle.included(index, size, hashed, path, merkle.leaf(b"long"))
    assert not merkle.included(index, size, hashed, [*path, root], root)
    assert not merkle.included(size, size, hashed, path, root)
    if path:
        assert not merkle.included(index, size, hashed, path[:-1], root)
        assert not merkle.included(index, size, hashed, [root, *path[1:]], root)


@given(some, st.data())
def test_a_log_that_grew_is_told_from_one_that_was_rewritten(leaves: list[bytes], data: st.DataObject) -> None:
    second = data.draw(st.integers(1, len(leaves)))
    first = data.draw(st.integers(1, second))
    before, after = naive(leaves[:first]), naive(leaves[:second])
    path = merkle.consistency(first, second, node_of(leaves))
    assert merkle.grown(first, second, before, after, path)
    other = merkle.leaf(b"long")
    assert not merkle.grown(first, second, other, after, path)
    assert not merkle.grown(first, second, before, other, path)
    assert not merkle.grown(first, second, before, after, [*path, other])
    assert not merkle.grown(0, second, before, after, path)
    for at in range(len(path)):
        assert not merkle.grown(first, second, before, after, [*path[:at], other, *path[at + 1 :]])


@given(st.integers(0, 1500))
def test_tiles_hold_the_hashes_of_their_level(size: int) -> None:
    hashes, tree = [merkle.leaf(b"%d" % n) for n in range(size)], Tree()
    for hashed in hashes:
        tree.add(hashed)
    kept = [(0, b"".join(hashes[n : n + TILE])) for n in range(0, size - TILE + 1, TILE)]
    assert tree.tiles == kept
    assert tree.root() == naive_over(hashes)


def naive_over(hashes: list[bytes]) -> bytes:
    return merkle.root(len(hashes), lambda height, n: merkle.complete(hashes[n << height : (n + 1) << height]))
