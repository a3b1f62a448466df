"""Administrative divisions: the shape of a code and what follows from it. Source: GB/T 2260-2007."""

import re

PROVINCES = {
    "11": "北京市", "12": "天津市", "13": "河北省", "14": "山西省", "15": "内蒙古自治区",
    "21": "辽宁省", "22": "吉林省", "23": "黑龙江省",
    "31": "上海市", "32": "江苏省", "33": "浙江省", "34": "安徽省", "35": "福建省", "36": "江西省", "37": "山东省",
    "41": "河南省", "42": "湖北省", "43": "湖南省", "44": "广东省", "45": "广西壮族自治区", "46": "海南省",
    "50": "重庆市", "51": "四川省", "52": "贵州省", "53": "云南省", "54": "西藏自治区",
    "61": "陕西省", "62": "甘肃省", "63": "青海省", "64": "宁夏回族自治区", "65": "新疆维吾尔自治区",
    "71": "台湾省", "81": "香港特别行政区", "82": "澳门特别行政区",
    "99": "演示省",
}  # fmt: skip
"""First two digits; 99 is given to no province and serves demonstrations and tests."""

_CODE = re.compile(r"(?P<province>\d\d)(?P<prefecture>0[1-9]|[1-7]\d|90)(?P<county>\d\d)", re.ASCII)
"""Third and fourth digit: 01–20 and 51–70 cities, 21–50 prefectures and leagues, 90 directly under the province."""


def plausible(code: str) -> bool:
    """Say whether a code can be a county's or a city's: a known province, and a part below it."""
    match = _CODE.fullmatch(code)
    return match is not None and match["province"] in PROVINCES


def province_of(code: str) -> str:
    """Return the name of the province a code lies in; empty where there is none."""
    return PROVINCES.get(code[:2], "")
