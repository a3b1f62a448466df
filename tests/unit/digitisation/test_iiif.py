"""IIIF Image API 3.0, chapter 4: regions, sizes, rotations, qualities and formats."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.digitisation.iiif import LARGEST_SIDE, Extract, extract
from app.digitisation.types import IiifRequest, IiifUnsupported

WIDTH, HEIGHT = 3000, 2000


def asked(region: str = "full", size: str = "max", rotation: str = "0", rest: str = "default.jpg") -> Extract:
    quality, _, suffix = rest.partition(".")
    return extract(IiifRequest(region, size, rotation, quality, suffix), WIDTH, HEIGHT)


@pytest.mark.parametrize(
    ("region", "box"),
    [
        ("full", (0, 0, 3000, 2000)),
        ("square", (500, 0, 2000, 2000)),
        ("125,15,120,140", (125, 15, 120, 140)),
        ("2900,1900,500,500", (2900, 1900, 100, 100)),
        ("pct:10,10,50,50", (300, 200, 1500, 1000)),
        ("pct:41.6,7.5,66.6,100", (1248, 150, 1752, 1850)),
    ],
)
def test_region(region: str, box: tuple[int, int, int, int]) -> None:
    found = asked(region)
    assert (found.x, found.y, found.width, found.height) == box


@pytest.mark.parametrize(
    ("size", "out"),
    [
        ("max", (3000, 2000)),
        ("^max", (3000, 2000)),
        ("1500,", (1500, 1000)),
        (",1000", (1500, 1000)),
        ("300,400", (300, 400)),
        ("pct:50", (1500, 1000)),
        ("!300,300", (300, 200)),
        ("!9000,9000", (3000, 2000)),
        ("^!4000,4000", (4000, 2667)),
        ("^3600,", (3600, 2400)),
        ("^pct:120", (3600, 2400)),
    ],
)
def test_size(size: str, out: tuple[int, int]) -> None:
    found = asked(size=size)
    assert (found.out_width, found.out_height) == out


def test_max_is_bounded() -> None:
    found = extract(IiifRequest("full", "max", "0", "default", "jpg"), 10_000, 5_000)
    assert (found.out_width, found.out_height) == (LARGEST_SIDE, LARGEST_SIDE // 2)


@pytest.mark.parametrize(
    "region", ["", "0,0,0,0", "3000,0,10,10", "1,2,3", "a,b,c,d", "-1,0,1,1", "pct:100,0,5,5", "1,1,1,1,1"]
)
def test_regions_that_are_none(region: str) -> None:
    with pytest.raises(IiifUnsupported) as refusal:
        asked(region)
    assert (refusal.value.parameter, refusal.value.status) == ("region", 400)


@pytest.mark.parametrize(
    "size",
    [
        "",
        ",",
        "0,",
        ",0",
        "3001,",
        "pct:101",
        "pct:0",
        "^5000,",
        "!1,",
        "1,2,3",
        "x",
        "^",
        "9" * 400 + ",",
        "pct:",
        "full",
    ],
)
def test_sizes_that_are_none(size: str) -> None:
    with pytest.raises(IiifUnsupported) as refusal:
        asked(size=size)
    assert refusal.value.parameter == "size"


@pytest.mark.parametrize(
    ("rotation", "rest", "parameter"),
    [
        ("45", "default.jpg", "rotation"),
        ("!0", "default.jpg", "rotation"),
        ("0", "blue.jpg", "quality"),
        ("0", "gray.gif", "format"),
    ],
)
def test_what_is_not_offered(rotation: str, rest: str, parameter: str) -> None:
    with pytest.raises(IiifUnsupported) as refusal:
        asked(rotation=rotation, rest=rest)
    assert refusal.value.parameter == parameter


@given(st.text(max_size=12), st.text(max_size=12), st.integers(1, 20_000), st.integers(1, 20_000))
def test_whatever_is_asked_is_refused_or_within_bounds(region: str, size: str, width: int, height: int) -> None:
    try:
        found = extract(IiifRequest(region, size, "0", "default", "jpg"), width, height)
    except IiifUnsupported:
        return
    within(found, width, height)


number = st.integers(0, 20_000).map(str)
regions = st.one_of(
    st.sampled_from(("full", "square")),
    st.tuples(number, number, number, number).map(",".join),
    st.tuples(*[st.floats(0, 100).map(lambda f: f"{f:.3f}")] * 4).map(lambda four: "pct:" + ",".join(four)),
)
sizes = st.one_of(
    st.sampled_from(("max", "^max")),
    number.map(lambda n: f"{n},"),
    number.map(lambda n: f"^,{n}"),
    st.tuples(number, number).map(lambda two: "^!" + ",".join(two)),
    st.floats(0, 200).map(lambda f: f"^pct:{f:.2f}"),
)


@given(regions, sizes, st.integers(1, 20_000), st.integers(1, 20_000))
def test_whatever_is_well_formed_is_refused_or_within_bounds(region: str, size: str, width: int, height: int) -> None:
    try:
        found = extract(IiifRequest(region, size, "0", "default", "jpg"), width, height)
    except IiifUnsupported:
        return
    within(found, width, height)


def within(found: Extract, width: int, height: int) -> None:
    assert 0 <= found.x < found.x + found.width <= width
    assert 0 <= found.y < found.y + found.height <= height
    assert 0 < found.out_width <= LARGEST_SIDE
    assert 0 < found.out_height <= LARGEST_SIDE
