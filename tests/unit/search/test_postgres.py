import re

from hypothesis import given
from hypothesis import strategies as st

from search import analysis, postgres

LEXEME = re.compile(r"'([^']+)':(\d+[A-D](?:,\d+[A-D])*)(?: |$)")


def places(vector: str) -> list[tuple[int, str]]:
    return sorted((int(place[:-1]), lexeme) for lexeme, told in LEXEME.findall(vector) for place in told.split(","))


def test_every_lexeme_is_led_by_its_county() -> None:
    assert postgres.vector("qinghe", [("A", "结婚1953")]) == "'qinghe:结婚':1A 'qinghe:婚':2A 'qinghe:1953':3A"


def test_no_phrase_reaches_from_one_field_into_the_next() -> None:
    ends, begins = places(postgres.vector("qinghe", [("A", "结婚"), ("B", ""), ("B", "登记")]))[1:3]
    assert (ends[1], begins[1]) == ("qinghe:婚", "qinghe:登记")
    assert begins[0] - ends[0] > 2


def test_a_phrase_asks_for_its_terms_in_a_row() -> None:
    (phrase,) = analysis.parse("政办发〔2011〕3号")
    assert postgres.query("qinghe", phrase) == (
        "'qinghe:政办' <1> 'qinghe:办发' <2> 'qinghe:2011' <1> 'qinghe:3' <1> 'qinghe:号':*"
    )


@given(st.lists(st.tuples(st.sampled_from("ABCD"), st.text() | st.text("结婚 a1\n'\\:"))))
def test_a_vector_says_nothing_but_lexemes_and_positions(fields: list[tuple[postgres.Weight, str]]) -> None:
    vector = postgres.vector("qinghe", fields)
    assert LEXEME.sub("", vector) == ""
    assert all(lexeme.startswith("qinghe:") for _, lexeme in places(vector))


def test_the_longest_text_stays_within_the_positions_of_a_vector() -> None:
    rare = "".join(chr(0x20000 + n) for n in range(40_000))
    for text in (rare, "甲 " * 40_000, "a1 " * 40_000, "ﷺ" * 40_000):
        vector = postgres.vector("a" * 31, [("A", text), ("D", text)])
        assert places(vector)[-1][0] < 16_383
        assert len(vector.encode()) < 1_048_576
