"""What differs between deployments; read once, at start, every fault reported at once."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Environment variables ``LANTAI_*``; secrets come from nowhere else."""

    model_config = SettingsConfigDict(env_prefix="LANTAI_", frozen=True, extra="ignore")

    data: Path = Field(Path("data"), description="folder of logs, locks and embedded engines")
    database_url: SecretStr = Field(description="PostgreSQL as role lantai_app: no owner, no superuser")
    dispatcher_database_url: SecretStr = Field(description="PostgreSQL as role lantai_dispatcher")
    province_database_url: SecretStr = Field(description="PostgreSQL as role lantai_province")
    broker_url: SecretStr = Field(description="Celery broker: redis:// or redis+socket://")
    secret_key: SecretStr = Field(min_length=32, description="seals job messages and form tokens")
    master_key: SecretStr = Field(min_length=32, description="wraps each county's own key; from a key store")
    audit_key: SecretStr = Field(min_length=32, description="signs the checkpoints of the audit logs; from a key store")
    cipher: Literal["aes", "sm4"] = Field("aes", description="of personal identifiers: AES-256-GCM or SM4-GCM")
    audit_signature: Literal["ed25519", "sm2"] = Field("ed25519", description="signature of audit checkpoints")
    audit_checkpoint_minutes: int = Field(5, ge=1, le=24 * 60, description="longest time between checkpoints of a log")
    audit_checkpoint_entries: int = Field(10_000, ge=1, description="most entries between checkpoints of a log")
    site_a: Path = Field(description="folder of the home site's objects")
    site_b: Path = Field(description="folder of the second site's objects")
    public_url: str = Field("http://127.0.0.1:8420", description="address users see, without trailing slash")
    secure_cookies: bool = Field(default=False, description="send session cookies over TLS only; on in production")
    trusted_proxies: int = Field(
        0, ge=0, le=5, description="reverse proxies in front, whose client address is believed"
    )
    oidc_issuer: str = Field("", description="Keycloak realm for sign-in, https://…/realms/…; empty: embedded accounts")
    oidc_client_id: str = Field("lantai-portal", description="this relying party at the realm")
    oidc_client_secret: SecretStr = Field(SecretStr(""), description="its secret")
    oidc_api_clients: str = Field("", description="clients besides it whose tokens the API takes, apart by spaces")
    oidc_admin_client_id: str = Field("lantai-provisioner", description="service account that keeps organizations")
    oidc_admin_client_secret: SecretStr = Field(SecretStr(""), description="its secret")
    outbox_page: bool = Field(
        default=False, description="send citizens' codes to the page /dev/outbox; for demonstrations only"
    )
    access_minutes: int = Field(30, ge=5, le=24 * 60, description="life of an idle session or an access token")
    session_hours: int = Field(12, ge=1, le=24 * 7, description="life of a session, used or not")
    sessions_per_account: int = Field(5, ge=1, le=1000, description="a further sign-in ends the oldest session")
    worker_threads: int = Field(1, ge=1, le=64, description="OCR threads of one worker process")
    jobs_in_flight: int = Field(4, ge=1, le=1000, description="jobs of a queue handed to the broker at one time")
    job_lease_seconds: int = Field(60, ge=5, le=3600, description="a job silent this long is handed out again")
    upload_bytes: int = Field(2 * 1024**3, ge=1, description="largest single file taken")
    upload_pixels: int = Field(150_000_000, ge=1, description="largest page taken, in pixels")


def named(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the settings among environment variables, under the names of `Settings`."""
    prefix = "LANTAI_"
    return {key.removeprefix(prefix).lower(): value for key, value in environment.items() if key.startswith(prefix)}
