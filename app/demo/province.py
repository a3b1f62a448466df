"""The fictional province of the demo: three counties and the people who work in their archives."""

from dataclasses import dataclass

from app.demo.chance import chance, pick

_WORDS = (
    "Songhe", "Zhumei", "Lanting", "Yunhai", "Qingshan", "Baihua", "Mingyue", "Fengye",
    "Shuixian", "Hongyan", "Luming", "Chunyu", "Qiushi", "Dongxue", "Haitang", "Wutong",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Staff:
    """One account of a county; administrators hold no business role (security.md, 2)."""

    login: str
    display_name: str
    roles: tuple[str, ...]
    password: str


@dataclass(frozen=True, slots=True)
class County:
    """A county and its archive.

    `division_code` has the shape of GB/T 2260 with a province number that is not given out.
    """

    tenant: str
    name: str
    short: str
    division_code: str
    archive_code: str
    towns: tuple[str, ...]
    staff: tuple[Staff, ...]

    @property
    def archive_name(self) -> str:
        """The archive's own name, as it stands on seals and certificates."""
        return f"{self.name}档案馆"


def authority(town: str) -> str:
    """Return the office that governs a town; a street of a city has no government of its own."""
    return town + ("办事处" if town.endswith("街道") else "人民政府")


@dataclass(frozen=True, slots=True)
class Province:
    """The counties that share one installation."""

    name: str
    division_code: str
    counties: tuple[County, ...]
    office: tuple[Staff, ...]


# login, roles; one person each, so that nobody checks or approves his own work
_POSTS = (
    ("archivist", ("archivist",)),
    ("archivist2", ("archivist",)),
    ("director", ("director",)),
    ("scan", ("scan_op",)),
    ("check", ("scan_qc",)),
    ("desk", ("desk",)),
    ("seal", ("seal_keeper",)),
    ("regulator", ("regulator",)),
    ("clerk", ("unit_clerk",)),
    ("reviewer", ("reviewer",)),
    ("sysadmin", ("sys_admin",)),
    ("secadmin", ("sec_admin",)),
    ("audit", ("audit_admin",)),
)


def _password(tenant: str, login: str) -> str:
    rng = chance(tenant, login, "password")
    return f"{pick(rng, _WORDS)}-{pick(rng, _WORDS)}-{rng.integers(1000, 10000)}"


_OFFICE = (
    ("province", ("province_admin",)),
    ("sysadmin", ("sys_admin",)),
    ("secadmin", ("sec_admin",)),
    ("audit", ("audit_admin",)),
    ("province2", ("province_admin",)),
)


def _staff(tenant: str, names: str, posts: tuple[tuple[str, tuple[str, ...]], ...] = _POSTS) -> tuple[Staff, ...]:
    """Seat the named people in the posts; the passwords are public and for the demo only."""
    return tuple(
        Staff(login, name, roles, _password(tenant, login))
        for (login, roles), name in zip(posts, names.split(), strict=True)
    )


PROVINCE = Province(
    name="云川省",
    division_code="990000",
    office=_staff("province", "顾远山 宋致明 罗守信 程观复 梅若谷", _OFFICE),
    counties=(
        County(
            tenant="qinghe",
            name="清河县",
            short="清",
            division_code="990121",
            archive_code="499121",
            towns=("城关镇", "柳林镇", "石桥镇", "河口乡", "白塔乡", "双井乡"),
            staff=_staff(
                "qinghe",
                "陈静怡 周文博 方守正 孙小军 何丽娟 吴晓梅 郑印华 冯国栋 蒋一鸣 罗明远 沈志强 韩雪松 杨慎之",
            ),
        ),
        County(
            tenant="linshan",
            name="临山县",
            short="临",
            division_code="990122",
            archive_code="499122",
            towns=("山阳镇", "杉木镇", "青石镇", "云岭乡", "茶园乡", "竹溪乡"),
            staff=_staff(
                "linshan",
                "许慧敏 曹建平 严克勤 魏东升 陶玉洁 姜春兰 戚宝印 谢广明 邹佳宁 柏若兰 苏振宇 潘卫国 葛明察",
            ),
        ),
        County(
            tenant="shazhou",
            name="沙洲区",
            short="沙",
            division_code="990103",
            archive_code="499103",
            towns=("滨江街道", "新港街道", "南渡镇", "芦花镇", "东沙镇", "渔湾乡"),
            staff=_staff(
                "shazhou",
                "范思源 彭亚琴 鲁德昌 韦海波 昌雨桐 马秀芝 苗立信 凤长青 花子墨 倪思远 俞启航 任安澜 袁鉴秋",
            ),
        ),
    ),
)
