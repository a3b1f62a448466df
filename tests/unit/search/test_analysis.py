import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from search import analysis

TITLES = (
    "关于做好2011年防汛抗旱工作的通知",
    "清河县人民政府关于新型农村合作医疗专题会议纪要",
    "張國華與李秀蘭結婚登記冊",
    "〇五年〔2005〕清政办发第3号",
)
HAN = st.sampled_from([*sorted(set("".join(TITLES)) - set("0123456789〔〕")), "𠮷", "㑮", "々", "〇"])
MARKS = st.sampled_from(' \n　0129aZ·．-－—〔\uff3b【]）"“”\u200b\u0301\ufe0f\uff9e가ᄀ\uffa1ㅏ')
MIXED = st.text(st.one_of(HAN, st.characters(), MARKS))
WORDS = st.text(st.sampled_from("结婚登记2011ws·-()〔〕、号"), min_size=1)


def bare(text: str) -> str:
    """Return a text in its one spelling, without what stands between terms."""
    return re.sub(r"[\W_]", "", analysis.normalise(text))


@given(MIXED)
@example("a\U000f0000\u0301")
@example("İ")
@example("ΑΣ")
def test_the_one_spelling_is_spelt_the_same_again(text: str) -> None:
    once = analysis.normalise(text)
    assert analysis.normalise(once) == once


def test_every_character_alone_has_one_spelling() -> None:
    for char in map(chr, range(0x30000)):
        once = analysis.normalise(char)
        assert analysis.normalise(once) == once, hex(ord(char))


@given(MIXED)
def test_each_character_knows_where_it_came_from(text: str) -> None:
    spelling = analysis.normalise_with_offsets(text)
    assert spelling.text == analysis.normalise(text)
    assert len(spelling.text) == len(spelling.starts) == len(spelling.ends)
    for char, start, end in zip(spelling.text, spelling.starts, spelling.ends, strict=True):
        assert char in analysis.normalise(text[start:end])


@pytest.mark.parametrize(
    ("written", "spelt"),
    [
        ("結婚登記", "结婚登记"),
        ("Ｚ１０９－\uff37\uff33．２０１１", "z109-ws·2011"),
        ("Z109—WS•2011", "z109-ws·2011"),
        ("清政办发\uff3b2011\uff3d3号", "清政办发(2011)3号"),
        ("清政办发【2011】3号", "清政办发(2011)3号"),
        ("清政办发〔２０１１〕３号", "清政办发(2011)3号"),
        ("清政办发（2011）3号", "清政办发(2011)3号"),
        ("⼀\u200b九", "一九"),
        ("e\u0301té", "été"),
    ],
)
def test_spellings_that_people_mix_are_one(written: str, spelt: str) -> None:
    assert analysis.normalise(written) == spelt


@given(st.lists(HAN, min_size=2, max_size=40), st.data())
def test_any_two_han_characters_in_a_row_are_found(chars: list[str], data: st.DataObject) -> None:
    text = "".join(chars)
    start = data.draw(st.integers(0, len(text) - 2))
    end = data.draw(st.integers(start + 2, len(text)))
    spans = analysis.find(text, text[start:end])
    wanted = analysis.normalise(text[start:end])
    assert all(analysis.normalise(text[a:b]) == wanted for a, b in spans)
    assert any(a <= start < b for a, b in spans)


@given(st.lists(WORDS).map(" \n號".join), WORDS)
def test_a_mark_spells_the_query(text: str, query: str) -> None:
    for start, end in analysis.find(text, query):
        assert bare(text[start:end]) == bare(query)


@given(MIXED, MIXED)
def test_marks_lie_in_the_text_in_order_and_apart(text: str, query: str) -> None:
    end_of_last = 0
    for start, end in analysis.find(text, query):
        assert end_of_last <= start < end <= len(text)
        end_of_last = end


@pytest.mark.parametrize(
    ("text", "query", "met"),
    [
        ("張國華", "张国华", ["張國華"]),
        ("王　明、李四", "王明", ["王　明"]),
        ("准予结\n婚登记", "结婚", ["结\n婚"]),
        ("结婚登记册，离婚登记册", "登记册", ["登记册", "登记册"]),
        ("登记，结婚", "登记结婚", []),
        ("清政办发〔2011〕3号", "清政办发[2011]3号", ["清政办发〔2011〕3号"]),
        ("清政办发〔2011〕13号", "〔2011〕3号", []),
        ("Z109-WS·2011-Y-BGS-0001", "z109－ws．2011", ["Z109-WS·2011"]),
        ("Z109-WS·2011-Y-BGS-0001", "BGS-00", ["BGS-00"]),
        ("Z109-WS·2011-Y-BGS-0001", '"BGS-00"', []),
        ("19850312", "1985", ["1985"]),
        ("张三 1985", "三 张", ["张", "三"]),
        ("结婚登记表", "结婚登记 登记表", ["结婚登记表"]),
        ("哈哈哈", "哈哈", ["哈哈"]),
    ],
)
def test_what_meets_a_query(text: str, query: str, met: list[str]) -> None:
    assert [text[a:b] for a, b in analysis.find(text, query)] == met


@pytest.mark.parametrize("query", ["", "  ", "*", "%_", '"', '""', "😀", "\x00\x1b", "、。（）", "\u200b", "ー" * 0])
def test_a_query_without_words_has_no_parts(query: str) -> None:
    assert analysis.parse(query) == ()


def test_parts_are_separated_by_spaces_and_held_together_by_quotes() -> None:
    parts = analysis.parse("結婚 “land reform” 1985 结婚")
    assert [part.text for part in parts] == ["结婚", "land reform", "1985"]


def test_an_unbalanced_quote_reaches_to_the_end() -> None:
    assert [part.text for part in analysis.parse('a1 "b2 c3')] == ["a1", "b2 c3"]


@given(MIXED)
def test_neighbouring_terms_have_neighbouring_positions(text: str) -> None:
    spelt = analysis.normalise(text)
    found = list(analysis.terms(spelt))
    assert [term.position for term in found] == list(range(1, len(found) + 1))
    assert all(0 < len(term.text) <= analysis.WORD_LENGTH for term in found)
    assert all(unicodedata.is_normalized("NFKC", term.text) for term in found)
