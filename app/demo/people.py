"""Invented people: names as they were given in their decade, with rare characters among them."""

import numpy as np

from app.demo.chance import pick

_SURNAMES = tuple("王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕")
_MEN = {
    1930: ("德厚", "福根", "长顺", "金山", "有田", "世昌", "维新", "炳生", "万春", "守义"),
    1945: ("建国", "解放", "国庆", "保民", "新华", "土根", "志远", "志明", "志强", "学文"),
    1955: ("建军", "卫东", "跃进", "红星", "永红", "向阳", "立新", "爱民", "国强", "援朝"),
    1975: ("伟", "勇", "建华", "海涛", "晓东", "振宇", "文斌", "志刚", "俊峰", "春雷"),
}
_WOMEN = {
    1930: ("秀英", "桂兰", "玉珍", "翠花", "素贞", "凤仙", "月娥", "春香", "银娣", "招弟"),
    1945: ("淑华", "玉兰", "惠芳", "秀珍", "彩霞", "桂英", "爱莲", "菊香", "金凤", "美玉"),
    1955: ("红梅", "卫红", "丽萍", "小燕", "爱华", "雪梅", "春兰", "建英", "国芳", "永芳"),
    1975: ("丽", "静", "晓燕", "海霞", "雅琴", "文娟", "婷婷", "冬梅", "玉洁", "佳慧"),
}
# Characters that fonts, keyboards and old encodings miss; the first lies outside the basic plane.
RARE_NAMES = ("李𠮷生", "周〇一", "赵㛃", "王堃", "陈喆", "刘赟", "孙翀", "林彧", "何䶮", "马犇")


def person(rng: np.random.Generator, born: int, *, woman: bool) -> str:
    """Return the name of somebody born about that year."""
    given = _WOMEN if woman else _MEN
    decade = max(year for year in given if year <= max(born, 1930))
    return pick(rng, _SURNAMES) + pick(rng, given[decade])


def is_woman(name: str) -> bool:
    """Tell whether an invented name is a woman's."""
    return name == "赵㛃" or any(name[1:] in names for names in _WOMEN.values())


def couple(rng: np.random.Generator, married: int) -> tuple[str, str]:
    """Return a husband and a wife in their twenties."""
    born = married - int(rng.integers(21, 28))
    return person(rng, born, woman=False), person(rng, born + 1, woman=True)


def children(rng: np.random.Generator, father: str, count: int) -> list[str]:
    """Return brothers and sisters who share the generation's character (字辈)."""
    shared = pick(rng, tuple("志国文家玉明永光"))
    own = rng.choice(tuple("平安康健荣华富贵春秋林海"), count, replace=False)
    return [father[0] + shared + str(one) for one in own]
