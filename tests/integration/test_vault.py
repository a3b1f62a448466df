"""What the vault seals opens in its own place for its own tenant, and nowhere else."""

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.platform.settings import Settings
from app.platform.vault import KeyDestroyed, SealBroken, Vault
from app.services import Services
from tests.conftest import County, MakeCounty

ID = "320106198001011234"


@given(plain=st.text(st.characters(exclude_categories=["Cs"])))
@pytest.mark.parametrize("cipher", ["aes", "sm4"])
def test_what_is_sealed_opens_whatever_the_cipher(
    services: Services, settings: Settings, county: County, cipher: Literal["aes", "sm4"], plain: str
) -> None:
    vault = Vault(services.works, settings.master_key.get_secret_value(), cipher=cipher)
    with county.acting():
        sealed = vault.seal(plain, context="account.phone")
        assert services.vault.open(sealed, context="account.phone") == plain
        assert len(plain) < 4 or plain.encode() not in sealed


@pytest.mark.parametrize("position", [0, 1, 15, -1])
def test_altered_bytes_open_nothing(services: Services, county: County, position: int) -> None:
    with county.acting():
        sealed = bytearray(services.vault.seal(ID, context="account.id"))
        sealed[position] ^= 0x40
        with pytest.raises(SealBroken):
            services.vault.open(bytes(sealed), context="account.id")


def test_another_place_and_another_county_open_nothing(services: Services, county: County, other: County) -> None:
    with county.acting():
        sealed = services.vault.seal(ID, context="account.id")
        with pytest.raises(SealBroken):
            services.vault.open(sealed, context="account.phone")
    with other.acting(), pytest.raises(SealBroken):
        services.vault.open(sealed, context="account.id")


def test_equal_values_are_found_within_a_county_and_place_only(
    services: Services, county: County, other: County
) -> None:
    with county.acting():
        found = services.vault.blind(ID, context="account.id")
        assert found == services.vault.blind(ID, context="account.id")
        assert ID not in found
        assert found != services.vault.blind(ID, context="account.phone")
    with other.acting():
        assert found != services.vault.blind(ID, context="account.id")


def test_another_installations_master_key_opens_nothing(services: Services, county: County) -> None:
    with county.acting():
        sealed = services.vault.seal(ID, context="account.id")
        with pytest.raises(SealBroken):
            Vault(services.works, "another key of thirty-two characters").open(sealed, context="account.id")


def test_a_destroyed_key_is_gone_for_good(services: Services, make_county: MakeCounty) -> None:
    county = make_county()
    with county.acting():
        sealed = services.vault.seal(ID, context="account.id")
        services.vault.destroy()
        for attempt in (
            lambda: services.vault.open(sealed, context="account.id"),
            lambda: services.vault.seal("x", context="x"),
        ):
            with pytest.raises(KeyDestroyed):
                attempt()
