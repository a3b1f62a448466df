"""A real Keycloak with the province's realm, and people in it."""

import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psutil
import requests
from keycloak import KeycloakAdmin, KeycloakOpenIDConnection
from pyotp.totp import TOTP

from app.kernel import clock
from tests.stack.conftest import Account, running

ROOT = Path(__file__).parents[2]
REALM = "province"
PASSWORD = "Ceshi-Mima-2026"
OTP = "a seed only for tests"
AGENCY = "agency-demo"
SECRETS = {
    name: f"{name.lower()} of the tests" for name in ("LANTAI_OIDC_CLIENT_SECRET", "LANTAI_OIDC_ADMIN_CLIENT_SECRET")
}


def free_port() -> int:
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        return line.getsockname()[1]


def code(at: datetime | None = None, *, secret: str = "") -> str:
    """Return what an authenticator shows: that of a test administrator, or one set up with a secret."""
    return TOTP(secret or base64.b32encode(OTP.encode()).decode()).at(at or clock.now())


def person(login: str, *roles: str, otp: bool = False) -> dict[str, object]:
    """Return a user as the realm file holds one."""
    credentials: list[dict[str, object]] = [{"type": "password", "value": PASSWORD}]
    if otp:
        shape = {"subType": "totp", "digits": 6, "period": 30, "algorithm": "HmacSHA1"}
        secret = {"secretData": json.dumps({"value": OTP}), "credentialData": json.dumps(shape)}
        credentials.append({"type": "otp", **secret})
    return {
        "username": login, "lastName": "张", "firstName": login, "enabled": True,
        "credentials": credentials, "realmRoles": ["default-roles-province", *roles],
    }  # fmt: skip


def realm_file(people: Sequence[Mapping[str, object]]) -> dict[str, Any]:
    """Return the realm of production, with people and an agency that only tests have."""
    realm = json.loads((ROOT / "infra/keycloak/province-realm.json").read_text("utf-8"))
    agency = {
        "clientId": AGENCY, "secret": AGENCY, "standardFlowEnabled": False, "serviceAccountsEnabled": True,
        "fullScopeAllowed": True, "attributes": {"access.token.lifespan": "120"},
        "defaultClientScopes": ["basic", "profile", "roles", "amr", "lantai-api", "service_account"],
        "optionalClientScopes": ["organization"],
    }  # fmt: skip
    other = {**agency, "clientId": "stranger", "secret": "stranger"}
    others = {
        "name": "others", "protocol": "openid-connect", "protocolMapper": "oidc-audience-mapper",
        "config": {"included.custom.audience": "others", "access.token.claim": "true"},
    }  # fmt: skip
    scopes = {"defaultClientScopes": ["basic", "roles"], "protocolMappers": [others]}
    deaf = {**agency, **scopes, "clientId": "deaf", "secret": "deaf"}
    realm["clients"] += [agency, other, deaf]
    accounts = [
        {
            "username": f"service-account-{client}",
            "enabled": True,
            "serviceAccountClientId": client,
            "realmRoles": ["desk"],
        }
        for client in (AGENCY, "stranger", "deaf")
    ]
    realm["users"] += [*accounts, *people]
    return realm


@dataclass(frozen=True)
class Keycloak:
    """The running server, and a hand inside it that no product has."""

    address: str
    process: psutil.Process

    @property
    def issuer(self) -> str:
        return f"{self.address}/realms/{REALM}"

    def admin(self, realm: str = REALM) -> KeycloakAdmin:
        """Return an administrator of the whole server."""
        line = KeycloakOpenIDConnection(
            server_url=self.address, realm_name=realm, user_realm_name="master",
            username="admin", password=PASSWORD, client_id="admin-cli", timeout=10, max_retries=0,
        )  # fmt: skip
        return KeycloakAdmin(connection=line)

    def subject(self, login: str) -> str:
        """Return the id of a user."""
        found = self.admin().get_user_id(login)
        assert found is not None
        return found

    def token(self, tenant: str = "", *, client: str = AGENCY) -> str:
        """Return an access token of a client's own account, for the organization of a county or for none."""
        form = {"grant_type": "client_credentials", "client_id": client, "client_secret": client}
        if tenant:
            form["scope"] = f"organization:{tenant}"
        answer = requests.post(f"{self.issuer}/protocol/openid-connect/token", data=form, timeout=10)
        answer.raise_for_status()
        return answer.json()["access_token"]

    @contextmanager
    def hung(self) -> Iterator[None]:
        """Let the server take connections and answer none, for the block."""
        family = [self.process, *self.process.children(recursive=True)]
        for process in family:
            process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for process in reversed(family):
                process.send_signal(signal.SIGCONT)


@contextmanager
def serving(public_url: str, people: Sequence[Mapping[str, object]]) -> Iterator[Keycloak]:
    """Run Keycloak, as in production but for TLS and its database, for the block."""
    fetched = subprocess.run([ROOT / ".ci/keycloak"], check=True, stdout=subprocess.PIPE, text=True).stdout
    home = Path(fetched.strip())
    with tempfile.TemporaryDirectory(prefix="run-", dir=home.parent) as name:
        own = Path(name) / "keycloak"
        shutil.copytree(home, own, copy_function=os.link)  # 170 MB that nobody writes to
        (own / "data/import").mkdir(parents=True)
        (own / f"data/import/{REALM}-realm.json").write_text(json.dumps(realm_file(people)))
        port, management = free_port(), free_port()
        address = f"http://127.0.0.1:{port}"
        environment = {
            **SECRETS, "LANTAI_PUBLIC_URL": public_url, "PATH": os.defpath,
            "KC_BOOTSTRAP_ADMIN_USERNAME": "admin", "KC_BOOTSTRAP_ADMIN_PASSWORD": PASSWORD,
            "JAVA_OPTS_APPEND": "-XX:TieredStopAtLevel=1",
        }  # fmt: skip
        command = [
            "env", *(f"{key}={value}" for key, value in environment.items()), str(own / "bin/kc.sh"), "start",
            "--optimized", "--import-realm", "--cache=local", "--http-enabled=true", "--http-host=127.0.0.1",
            f"--http-port={port}", f"--http-management-port={management}", f"--hostname={address}",
        ]  # fmt: skip

        def ready() -> bool:
            try:
                return requests.get(f"http://127.0.0.1:{management}/health/ready", timeout=2).ok
            except requests.RequestException:
                return False

        with running(command, Path(name), Account(os.geteuid(), os.getegid()), ready, seconds=120) as server:
            yield Keycloak(address, psutil.Process(server.pid))


def start(site: str, tenant: str, there: str = "/desk/") -> str:
    """Return the address that begins a sign-in for a county."""
    return f"{site}/auth/start?" + urlencode({"county": tenant, "next": there})


def later(**span: float) -> datetime:
    """Return a moment that far from now."""
    return clock.now() + timedelta(**span)
