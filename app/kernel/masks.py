"""Masks of personal identifiers on screen, and whether an identifier is well formed. Pure rules.

A mask never shows more of a value than its pattern names; a value that is too short for its pattern shows nothing.
"""

import re
import unicodedata
from datetime import date

HIDDEN = "*"

_ID_CARD = 18
_MOBILE = 11
_WEIGHTS = tuple(pow(2, place, 11) for place in range(17, 0, -1))  # of the 17 digits, first to last
_CHECK = "10X98765432"
_PHONE = re.compile(r"1[3-9][0-9]{9}")
_CARD = re.compile(r"[1-9][0-9]{16}[0-9X]")
_ATTACHED = ("Mn", "Me", "Mc", "Cf", "Sk")  # marks, variation selectors and joiners belong to the character before


def id_card(value: str) -> str:
    """Return a number of an identity card with its first three and last four characters: ``320***********1234``.

    Parameters
    ----------
    value : str
        As kept; one shorter than a number of a card is hidden whole.
    """
    return _ends(value, first=3, last=4, shortest=_ID_CARD)


def phone(value: str) -> str:
    """Return a phone number with its first three and last four characters: ``138****5678``.

    Parameters
    ----------
    value : str
        As kept; one shorter than a mobile number is hidden whole.
    """
    return _ends(value, first=3, last=4, shortest=_MOBILE)


def name(value: str) -> str:
    """Return a person's name with its first character, without telling how many follow: ``王*``.

    Parameters
    ----------
    value : str
        As kept; a single character is hidden.
    """
    spoken = value.strip()
    end = 1
    while end < len(spoken) and unicodedata.category(spoken[end]) in _ATTACHED:
        end += 1
    if end >= len(spoken) or unicodedata.category(spoken[0]) in _ATTACHED:
        return HIDDEN * bool(spoken)
    return spoken[:end] + HIDDEN


def valid_id_card(value: str) -> bool:
    """Say whether a number is a resident's: date of birth that exists, and its check character.

    Parameters
    ----------
    value : str
        18 characters, the last ``X`` in upper case where it is one. Source: GB 11643-1999, ISO 7064 MOD 11-2.
    """
    if not _CARD.fullmatch(value):
        return False
    try:
        date(int(value[6:10]), int(value[10:12]), int(value[12:14]))
    except ValueError:
        return False
    rest = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, value, strict=False)) % 11
    return value[-1] == _CHECK[rest]


def valid_phone(value: str) -> bool:
    """Say whether a number is a mainland mobile number: eleven digits, 13 to 19 first."""
    return _PHONE.fullmatch(value) is not None


def _ends(value: str, *, first: int, last: int, shortest: int) -> str:
    if len(value) < shortest:
        return HIDDEN * len(value)
    return value[:first] + HIDDEN * (len(value) - first - last) + value[-last:]
