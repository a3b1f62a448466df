"""The province's Keycloak realm as a relying party sees it: where browsers sign in, how to get tokens, what to believe.

Sources: OpenID Connect Core 1.0, 3.1; OpenID Connect Back-Channel Logout 1.0, 2.6; RFC 7636; RFC 9700.
"""

import hmac
import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any, Literal, TypeVar

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.identity.types import (
    Attempt,
    NotSignedIn,
    OrganizationMissing,
    ProviderDown,
    Returned,
    SignInStale,
    TokenRefused,
)
from app.kernel import clock
from app.platform import telemetry

AUDIENCE = "lantai-api"
LEEWAY = timedelta(seconds=30)
FRESH = timedelta(minutes=5)
STALE = timedelta(hours=1)
COOLDOWN = timedelta(seconds=10)
TIMEOUT = (2, 5)
_BACK_CHANNEL = "http://schemas.openid.net/event/backchannel-logout"
_LONGEST_TOKEN = 16_000
_NEVER = datetime.min.replace(tzinfo=UTC)

log = telemetry.logger("identity")


class _Claims(BaseModel):
    """What every token of the realm says."""

    model_config = ConfigDict(strict=True, frozen=True)

    iss: str
    aud: str | list[str]
    sub: str = Field(min_length=1)
    exp: int
    iat: int
    nbf: int = 0
    azp: str = ""


class _Organization(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)

    id: str


class _Roles(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)

    roles: list[str] = []


class Access(_Claims):
    """An access token that was believed: who, with which roles, in which organizations."""

    typ: Literal["Bearer"]
    sid: str = ""
    preferred_username: str = ""
    given_name: str = ""
    family_name: str = ""
    realm_access: _Roles = _Roles()
    organization: dict[str, _Organization] = {}
    amr: list[str] = []

    @property
    def name(self) -> str:
        """The name as it is written in Chinese: family name first."""
        return self.family_name + self.given_name or self.preferred_username


class _Identity(_Claims):
    typ: Literal["ID"]
    nonce: str


class Logout(_Claims):
    """A logout token that was believed."""

    typ: Literal["Logout"]
    sid: str = Field(min_length=1)
    jti: str = Field(min_length=1, max_length=200)
    events: dict[str, object]


@dataclass(frozen=True, slots=True)
class Grant:
    """What the realm hands out for a code or a refresh token.

    Attributes
    ----------
    renew_at : datetime
        When the access token ends, and roles are taken anew.
    until : datetime
        When the refresh token ends, and with it the session.
    """

    access: Access
    refresh: str
    renew_at: datetime
    until: datetime


C = TypeVar("C", bound=_Claims)


class Keys:
    """The realm's public keys: asked for anew when they are old or one is unknown, but not in quick succession.

    Parameters
    ----------
    address : str
        Of the JSON Web Key Set.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._lock = Lock()
        self._keys: dict[str, RSAKey] = {}
        self._fetched = _NEVER
        self._tried = _NEVER

    def get(self, key_id: str) -> RSAKey:
        """Return a signing key. Raises `NotSignedIn` for one the realm does not have, and `ProviderDown`."""
        with self._lock:
            now = clock.now()
            if key_id not in self._keys or now - self._fetched > FRESH:
                self._try(now)
            if now - self._fetched > STALE:
                raise ProviderDown
            if key_id not in self._keys:
                raise NotSignedIn
            return self._keys[key_id]

    def reach(self) -> None:
        """Raise `ProviderDown` where the realm did not answer just now."""
        with self._lock:
            self._try(clock.now())
            if self._fetched < self._tried:
                raise ProviderDown

    def _try(self, now: datetime) -> None:
        if now - self._tried < COOLDOWN:
            return
        self._tried = now
        try:
            with requests.Session() as line:
                line.trust_env = False
                answer = line.get(self._address, timeout=TIMEOUT, allow_redirects=False)
                answer.raise_for_status()
                listed = [key for key in answer.json()["keys"] if key.get("use") == "sig" and key.get("kty") == "RSA"]
                self._keys = {key["kid"]: RSAKey.import_key(key) for key in listed}
            self._fetched = now
        except (requests.RequestException, JoseError, KeyError, TypeError, AttributeError, ValueError) as error:
            log.warning("keys of the realm not read", kind=type(error).__name__)


class Realm:
    """The relying party at one realm; it speaks to the issuer's own host and to no other.

    Parameters
    ----------
    issuer : str
        ``https://…/realms/…``
    client_id, client_secret : str
    callback : str
        Where the realm sends the browser back to.
    api_clients : collection of str
        Clients besides this one whose tokens the API takes.
    """

    def __init__(
        self, issuer: str, client_id: str, client_secret: str, *, callback: str, api_clients: Collection[str] = ()
    ) -> None:
        self.issuer = issuer
        self._id = client_id
        self._secret = client_secret
        self._callback = callback
        self._parties = frozenset({client_id, *api_clients})
        self._at = f"{issuer}/protocol/openid-connect/"
        self.keys = Keys(self._at + "certs")

    def authorization(self, attempt: Attempt) -> str:
        """Return the address that a browser signs in at: the code flow with PKCE, for one organization."""
        with self._line(scope=f"openid organization:{attempt.tenant}") as line:
            asked = {"acr_values": "mfa"} if attempt.strong else {}
            address, _ = line.create_authorization_url(
                self._at + "auth", state=attempt.state, nonce=attempt.nonce, code_verifier=attempt.verifier, **asked
            )
            return address

    def exchange(self, attempt: Attempt, returned: Returned) -> Grant:
        """Exchange the code that came back with the browser.

        Raises `SignInStale`, `OrganizationMissing` and `ProviderDown`.
        """
        if not hmac.compare_digest(attempt.state.encode(), returned.state.encode()) or returned.issuer != self.issuer:
            raise SignInStale
        if returned.error in ("server_error", "temporarily_unavailable"):
            raise ProviderDown
        if returned.error == "invalid_scope":
            raise OrganizationMissing
        if not returned.code:
            raise SignInStale
        answer = self._granted(
            "authorization_code", code=returned.code, code_verifier=attempt.verifier, redirect_uri=self._callback
        )
        grant = self._grant(answer)
        try:
            identity = self._verified(str(answer.get("id_token", "")), _Identity, ("JWT",), self._id)
        except NotSignedIn as refusal:
            raise SignInStale from refusal
        nonce = hmac.compare_digest(identity.nonce.encode(), attempt.nonce.encode())
        if not nonce or identity.azp not in ("", self._id) or identity.sub != grant.access.sub:
            raise SignInStale
        return grant

    def refresh(self, token: str) -> Grant:
        """Exchange a refresh token, which is then used up. Raises `SignInStale` where it is, and `ProviderDown`."""
        return self._grant(self._granted("refresh_token", refresh_token=token))

    def end(self, token: str) -> None:
        """End the session of a refresh token at the realm. Raises `ProviderDown`."""
        form = {"client_id": self._id, "client_secret": self._secret, "refresh_token": token}
        try:
            with self._line() as line:
                line.request("POST", self._at + "logout", data=form, withhold_token=True, timeout=TIMEOUT)
        except requests.RequestException as error:
            raise ProviderDown from error

    def access(self, token: str) -> Access:
        """Return what an access token says. Raises `NotSignedIn` and `ProviderDown`."""
        claims = self._verified(token, Access, ("JWT", "at+jwt"), AUDIENCE)
        if claims.azp not in self._parties:
            raise NotSignedIn
        return claims

    def logout(self, token: str) -> Logout:
        """Return what a logout token says. Raises `TokenRefused` and `ProviderDown`."""
        try:
            claims = self._verified(token, Logout, ("logout+jwt",), self._id)
        except NotSignedIn as refusal:
            raise TokenRefused from refusal
        if _BACK_CHANNEL not in claims.events:
            raise TokenRefused
        return claims

    def _line(self, scope: str | None = None) -> Any:  # noqa: ANN401  # Authlib tells no types
        line: Any = OAuth2Session(
            self._id, self._secret, scope=scope, redirect_uri=self._callback, code_challenge_method="S256"
        )
        line.trust_env = False  # neither a proxy nor a password file of the machine's
        return line

    def _granted(self, kind: str, **form: str) -> dict[str, object]:
        try:
            with self._line() as line:  # without scope: a refresh that named one would lose the organization
                return line.fetch_token(
                    self._at + "token", grant_type=kind, timeout=TIMEOUT, allow_redirects=False, **form
                )
        except AuthlibBaseError as refusal:
            if refusal.error == "invalid_grant":
                raise SignInStale from refusal
            log.exception("the realm does not take this client", error=refusal.error)
            raise ProviderDown from refusal
        except (requests.RequestException, ValueError) as error:
            raise ProviderDown from error

    def _grant(self, answer: dict[str, object]) -> Grant:
        now = clock.now()
        refresh, lives = answer.get("refresh_token"), answer.get("refresh_expires_in")
        try:
            access = self.access(str(answer.get("access_token", "")))
        except NotSignedIn as refusal:
            raise SignInStale from refusal
        if not isinstance(refresh, str) or not isinstance(lives, int):
            raise SignInStale
        return Grant(access, refresh, datetime.fromtimestamp(access.exp, UTC), now + timedelta(seconds=lives))

    def _verified(self, token: str, shape: type[C], kinds: Collection[str], audience: str) -> C:
        """Return the claims of a token: algorithm and kind, key, signature, then what it says of itself."""
        if len(token) > _LONGEST_TOKEN:
            raise NotSignedIn
        try:
            parts = jws.extract_compact(token.encode())
            header = parts.headers()
            key_id = header.get("kid")
            if header.get("alg") != "RS256" or header.get("typ") not in kinds or not isinstance(key_id, str):
                raise NotSignedIn
            if not jws.validate_compact(parts, self.keys.get(key_id), algorithms=["RS256"]):
                raise NotSignedIn
            claims = shape.model_validate(json.loads(parts.payload))
        except (JoseError, ValidationError, ValueError, RecursionError) as error:
            raise NotSignedIn from error
        now, leeway = clock.now().timestamp(), LEEWAY.total_seconds()
        heard = claims.aud if isinstance(claims.aud, list) else [claims.aud]
        if claims.iss != self.issuer or audience not in heard:
            raise NotSignedIn
        if claims.iat > now + leeway:
            log.warning("a token from the future: the clocks differ", seconds=int(claims.iat - now))
            raise NotSignedIn
        if claims.exp <= now - leeway or claims.nbf > now + leeway:
            raise NotSignedIn
        return claims
