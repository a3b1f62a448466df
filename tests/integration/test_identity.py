"""Signing in, the second factor, sessions, and the three administrators."""

from tests.conftest import County


def test_smoke(county: County) -> None:
    assert county.client("sysadmin").get("/api/v1/me").json["roles"] == ["sys_admin"]
    assert county.client("archivist").get("/api/v1/me").json["roles"] == ["archivist"]
