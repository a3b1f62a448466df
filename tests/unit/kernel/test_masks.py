"""Masks never show more than their pattern names, whatever they are given."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kernel import masks

Mask = Callable[[str], str]
ANY = st.text(st.characters(codec="utf-8", exclude_characters="*"))  # rare characters outside the BMP among them
DIGITS = st.text("0123456789", min_size=17, max_size=17)


@pytest.mark.parametrize(
    ("mask", "value", "shown"),
    [
        (masks.id_card, "32010619850304123X", "320***********123X"),
        (masks.id_card, "320106198503041234", "320***********1234"),
        (masks.id_card, "320106850304123", "***************"),
        (masks.id_card, "", ""),
        (masks.phone, "13812345678", "138****5678"),
        (masks.phone, "025-83335678", "025*****5678"),
        (masks.phone, "5678", "****"),
        (masks.name, "王小明", "王*"),
        (masks.name, "王", "*"),
        (masks.name, " 欧阳修 ", "欧*"),
        (masks.name, "𬎆某某", "𬎆*"),
        (masks.name, "葛\U000e0100城", "葛\U000e0100*"),
        (masks.name, "葛\U000e0100", "*"),
        (masks.name, "\u0301e", "*"),
        (masks.name, " ", ""),
    ],
)
def test_masks_of_the_handbook(mask: Mask, value: str, shown: str) -> None:
    assert mask(value) == shown


@pytest.mark.parametrize(("mask", "shortest"), [(masks.id_card, 18), (masks.phone, 11)])
@given(value=ANY)
def test_a_number_shows_three_and_four_and_nothing_where_it_is_short(mask: Mask, shortest: int, value: str) -> None:
    shown = mask(value)
    assert len(shown) == len(value)
    kept = [place for place, character in enumerate(shown) if character != "*"]
    assert all(shown[place] == value[place] for place in kept)
    ends = [*range(3), *range(len(value) - 4, len(value))]
    assert kept == (ends if len(value) >= shortest else [])


@given(value=ANY)
def test_a_name_shows_one_character_and_never_the_whole(value: str) -> None:
    shown = masks.name(value)
    assert value.strip().startswith(shown.rstrip("*"))
    assert shown.rstrip("*") != value.strip() or not value.strip()
    assert shown in ("", "*") or shown.count("*") == 1


@given(value=ANY)
def test_two_names_of_one_family_look_the_same(value: str) -> None:
    assert masks.name("王某" + value) == "王*"


@pytest.mark.parametrize("number", ["11010519491231002X", "440524188001010014"])  # examples of GB 11643-1999
def test_a_number_with_its_check_character_is_valid(number: str) -> None:
    assert masks.valid_id_card(number)


@given(body=DIGITS, place=st.integers(0, 17), digit=st.sampled_from("0123456789"))
def test_one_wrong_digit_is_found(body: str, place: int, digit: str) -> None:
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    rest = sum(weight * int(figure) for weight, figure in zip(weights, body, strict=True)) % 11
    whole = body + "10X98765432"[rest]
    wrong = whole[:place] + digit + whole[place + 1 :]
    assert not (masks.valid_id_card(whole) and masks.valid_id_card(wrong)) or wrong == whole


@pytest.mark.parametrize(
    "number",
    ["", "11010519491231002x", "110105194912310020", "11010519490231002X", "110105491231002", "１1010519491231002X",
     "11010519491231002X\n"],
)  # fmt: skip
def test_other_numbers_are_not_valid(number: str) -> None:
    assert not masks.valid_id_card(number)


@pytest.mark.parametrize(
    ("number", "valid"),
    [("13812345678", True), ("19912345678", True), ("12812345678", False), ("1381234567", False),
     ("+8613812345678", False), ("1381234567８", False), ("13812345678\n", False)],
)  # fmt: skip
def test_mobile_numbers(number: str, *, valid: bool) -> None:
    assert masks.valid_phone(number) is valid


@given(value=ANY)
def test_validity_never_raises(value: str) -> None:
    assert not masks.valid_id_card(value) or len(value) == 18
    assert not masks.valid_phone(value) or len(value) == 11
