import re

import pytest

from app.demo.province import PROVINCE, County

ADMINISTRATORS = {"sys_admin", "sec_admin", "audit_admin"}
BUSINESS = {"archivist", "director", "scan_op", "scan_qc", "desk", "seal_keeper", "regulator", "unit_clerk", "reviewer"}


def test_every_county_has_staff_for_every_role(county: County) -> None:
    assert {role for one in county.staff for role in one.roles} == ADMINISTRATORS | BUSINESS


def test_nobody_holds_two_roles_that_watch_each_other(county: County) -> None:
    """Domain handbook, security.md, 2: never the same person."""
    for one in county.staff:
        roles = set(one.roles)
        assert len(roles & ADMINISTRATORS) <= 1
        assert not (roles & ADMINISTRATORS and roles & BUSINESS)
        assert not {"scan_op", "scan_qc"} <= roles
        assert not {"seal_keeper", "desk"} <= roles


def test_names_and_sign_ins_are_one_person_each(county: County) -> None:
    assert len({one.login for one in county.staff}) == len(county.staff)
    assert len({one.display_name for one in county.staff}) == len(county.staff)


def test_passwords_are_long_mixed_and_all_different() -> None:
    passwords = [one.password for county in PROVINCE.counties for one in county.staff]
    assert len(set(passwords)) == len(passwords)
    assert all(len(word) >= 12 for word in passwords)
    assert all(re.search(r"[A-Z].*[a-z].*-.*\d", word) for word in passwords)


@pytest.mark.parametrize("field", ["tenant", "name", "short", "division_code", "archive_code"])
def test_counties_are_told_apart(field: str) -> None:
    assert len({getattr(county, field) for county in PROVINCE.counties}) == len(PROVINCE.counties)


def test_division_codes_belong_to_no_real_province(county: County) -> None:
    assert re.fullmatch(r"99\d{4}", county.division_code)
    assert re.fullmatch(r"\d{6}", county.archive_code)
