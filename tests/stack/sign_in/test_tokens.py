"""Tokens of the real server, and what somebody might make of them: at the API only the one that is meant comes in."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives import hashes, hmac
from joserfc import jws
from joserfc.jwk import RSAKey

from app.identity.types import NotMember, NotSignedIn
from app.kernel import clock
from tenants.scope import Scope, entered
from tests.stack.keycloak import PASSWORD, later
from tests.stack.sign_in.conftest import QINGCHUAN, SYSTEM, Site, Visit

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def good(site: Site) -> str:
    return site.keycloak.token(QINGCHUAN)


def plain(part: str) -> dict[str, Any]:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def header_of(token: str) -> dict[str, Any]:
    return plain(token.partition(".")[0])


def packed(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def put(token: str, header: dict[str, Any], claims: dict[str, Any]) -> str:
    """Return a token with some of its header and claims replaced, under the old signature."""
    first, second, signature = token.split(".")
    return ".".join((packed(plain(first) | header), packed(plain(second) | claims), signature))


def unsigned(token: str, _site: Site) -> str:
    return put(token, {"alg": "none"}, {}).rpartition(".")[0] + "."


def keyed_with_the_public_key(token: str, site: Site) -> str:
    """Make the server's public key the secret of an HMAC. Source: RFC 8725, 2.1."""
    header = header_of(token)
    key = site.identity._realm.keys.get(header["kid"])
    body = put(token, {"alg": "HS256"}, {"realm_access": {"roles": ["director"]}}).rpartition(".")[0]
    mac = hmac.HMAC(key.as_pem(private=False), hashes.SHA256())
    mac.update(body.encode())
    return f"{body}.{base64.urlsafe_b64encode(mac.finalize()).rstrip(b'=').decode()}"


def with_a_key_of_its_own(token: str, _site: Site) -> str:
    own = RSAKey.generate_key(2048)
    header = header_of(token) | {"jwk": own.as_dict(private=False)}
    claims = plain(token.split(".")[1])
    return jws.serialize_compact(header, json.dumps(claims).encode(), own)


def tampered(token: str, _site: Site) -> str:
    return put(token, {}, {"realm_access": {"roles": ["director"]}})


def of_an_unknown_key(token: str, _site: Site) -> str:
    return put(token, {"kid": "nobody's"}, {})


def of_no_kind(token: str, _site: Site) -> str:
    return put(token, {"typ": "JOSE"}, {})


def for_others(_token: str, site: Site) -> str:
    return site.keycloak.token(QINGCHUAN, client="deaf")


def of_a_client_we_do_not_know(_token: str, site: Site) -> str:
    return site.keycloak.token(QINGCHUAN, client="stranger")


def of_another_realm(_token: str, site: Site) -> str:
    form = {"grant_type": "password", "client_id": "admin-cli", "username": "admin", "password": PASSWORD}
    master = f"{site.keycloak.address}/realms/master/protocol/openid-connect/token"
    return requests.post(master, data=form, timeout=10).json()["access_token"]


def cut_short(token: str, _site: Site) -> str:
    return token[:-20]


def endless(token: str, _site: Site) -> str:
    return token + "A" * 20_000


def no_json(token: str, _site: Site) -> str:
    return "e30.e30." + token.rpartition(".")[2]


BAD = (
    unsigned, keyed_with_the_public_key, with_a_key_of_its_own, tampered, of_an_unknown_key, of_no_kind, for_others,
    of_a_client_we_do_not_know, of_another_realm, cut_short, endless, no_json,
)  # fmt: skip


def asked(site: Site, token: str) -> requests.Response:
    return requests.get(f"{site.address}/api/v1/me", headers={"Authorization": f"Bearer {token}"}, timeout=20)


def test_a_token_of_the_realm_opens_its_county(site: Site, good: str) -> None:
    answer = asked(site, good)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["tenant"], answer.json()["roles"]) == (QINGCHUAN, ["desk"])


@pytest.mark.parametrize("made", BAD)
def test_no_other_token_opens_anything(site: Site, good: str, made: Callable[[str, Site], str]) -> None:
    site.forget_keys()
    answer = asked(site, made(good, site))
    assert answer.status_code == 401, answer.text
    assert answer.json()["code"] == "identity.not_signed_in"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    ("seconds", "comes_in"), [(-29, True), (-35, False), (145, True), (155, False), (-290, False), (331, False)]
)
def test_clocks_may_differ_by_thirty_seconds(site: Site, seconds: float, comes_in: bool) -> None:  # noqa: FBT001
    """A token lives 120 seconds; half a minute of difference is allowed at either end."""
    token = site.keycloak.token(QINGCHUAN)
    site.forget_keys()
    with clock.fixed(later(seconds=seconds)):
        if comes_in:
            assert site.identity.principal(token, ("access",)).tenant == QINGCHUAN
        else:
            with pytest.raises(NotSignedIn):
                site.identity.principal(token, ("access",))
    site.forget_keys()


def test_a_token_is_no_session(site: Site, good: str) -> None:
    with pytest.raises(NotSignedIn):
        site.identity.principal(good, ("session",))


def test_a_token_that_names_no_county_opens_none(site: Site) -> None:
    nowhere = site.keycloak.token()
    with pytest.raises(NotMember):
        site.identity.principal(nowhere, ("access",))
    assert asked(site, nowhere).status_code == 403


def test_neither_refresh_token_nor_id_token_is_a_bearer_token(site: Site, visit: Visit) -> None:
    """What was handed out for the same session, but for other uses."""
    visitor = visit()
    address, attempt = site.identity.depart(QINGCHUAN)
    returned = visitor.caught(address, "zhang")
    answer = site.identity._realm._granted(
        "authorization_code",
        code=returned.code,
        code_verifier=attempt.verifier,
        redirect_uri=f"{site.address}/auth/callback",
    )
    assert asked(site, str(answer["access_token"])).status_code == 200
    for other in ("refresh_token", "id_token"):
        assert asked(site, str(answer[other])).status_code == 401


def test_keys_that_were_rotated_are_found_and_withdrawn_keys_forgotten(site: Site, visit: Visit) -> None:
    visitor = visit()
    visitor.sign_in("working")
    old = site.keycloak.token(QINGCHUAN)
    admin = site.keycloak.admin()
    realm = admin.get_realm("province")["id"]
    former = admin.get_components({"type": "org.keycloak.keys.KeyProvider", "parent": realm})
    first = next(each for each in former if each["providerId"] == "rsa-generated")
    admin.create_component(
        {
            "name": "next", "providerId": "rsa-generated", "providerType": "org.keycloak.keys.KeyProvider",
            "parentId": realm, "config": {"priority": ["200"], "enabled": ["true"], "active": ["true"]},
        }
    )  # fmt: skip
    new = site.keycloak.token(QINGCHUAN)
    assert header_of(new)["kid"] != header_of(old)["kid"]
    site.identity._realm.keys._tried = later(seconds=-11)
    assert asked(site, new).status_code == 200
    assert asked(site, old).status_code == 200
    site.overdue()
    assert visitor.desk() == 200, "refresh tokens are signed with another key"
    admin.delete_component(first["id"])
    site.forget_keys()
    assert asked(site, new).status_code == 200
    assert asked(site, old).status_code == 401


def test_what_renews_a_session_is_sealed(site: Site, visit: Visit) -> None:
    visitor = visit()
    visitor.sign_in("zhang")
    with site.services.works._database.scoped(Scope(QINGCHUAN, SYSTEM)) as session:
        rows = session.connection().exec_driver_sql("SELECT refresh FROM credential WHERE refresh IS NOT NULL").all()
    assert rows
    vault = site.services.vault
    with entered(Scope(QINGCHUAN, SYSTEM)):
        for (sealed,) in rows:
            assert vault.open(bytes(sealed), context="credential.refresh").count(".") == 2
            assert b"eyJ" not in bytes(sealed)
