"""DATE18 as it is written on paper; parts that are 00 are left out."""

_DIGITS = "〇一二三四五六七八九"


def written(day: str) -> str:
    """Return `20110305` as 2011年3月5日."""
    parts = int(day[:4]), int(day[4:6]), int(day[6:8])
    return "".join(f"{part}{unit}" for part, unit in zip(parts, "年月日", strict=True) if part)


def spelled(day: str) -> str:
    """Return `19580309` as 一九五八年三月九日."""
    year = "".join(_DIGITS[int(digit)] for digit in day[:4])
    parts = year, _spelled_number(int(day[4:6])), _spelled_number(int(day[6:8]))
    return "".join(f"{part}{unit}" for part, unit in zip(parts, "年月日", strict=True) if part)


def _spelled_number(number: int) -> str:
    """Return 1 to 99 in Chinese numerals, nothing for 0."""
    tens, ones = divmod(number, 10)
    head = ("" if tens == 1 else _DIGITS[tens]) + "十" if tens else ""
    return head + (_DIGITS[ones] if ones else "")
