import pytest

from app.demo.dates import spelled, written


@pytest.mark.parametrize(
    ("day", "modern", "old"),
    [
        ("20110305", "2011年3月5日", "二〇一一年三月五日"),
        ("19581231", "1958年12月31日", "一九五八年十二月三十一日"),
        ("19581020", "1958年10月20日", "一九五八年十月二十日"),
        ("19580600", "1958年6月", "一九五八年六月"),
        ("19580000", "1958年", "一九五八年"),
    ],
)
def test_unknown_parts_of_a_date_are_not_written(day: str, modern: str, old: str) -> None:
    assert (written(day), spelled(day)) == (modern, old)
