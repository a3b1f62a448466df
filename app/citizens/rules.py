"""What a phone number, a name and an ID card number must look like."""

import re

from app.kernel.errors import Fault, Invalid
from app.kernel.masks import valid_id_card, valid_phone

_BETWEEN = re.compile(r"[\s-]+")
_NAME = re.compile(r"[^\W\d_][^\d_\x00-\x1f]{0,38}[^\W\d_]")


def phone(told: str) -> str:
    """Return a mobile number of the mainland as eleven digits; raises `Invalid`."""
    digits = _BETWEEN.sub("", told).removeprefix("+86")
    if not valid_phone(digits):
        raise Invalid((Fault("citizen_phone", "citizen_phone"),))
    return digits


def real_name(name: str, id_card: str) -> tuple[str, str]:
    """Return name and number as they are kept; raises `Invalid` with every fault. Source: GB 11643."""
    kept, number = " ".join(name.split()), _BETWEEN.sub("", id_card).upper()
    faults: list[Fault] = []
    if not _NAME.fullmatch(kept):
        faults.append(Fault("citizen_name", "citizen_name"))
    if not valid_id_card(number):
        faults.append(Fault("citizen_id_card", "citizen_id_card"))
    if faults:
        raise Invalid(tuple(faults))
    return kept, number
