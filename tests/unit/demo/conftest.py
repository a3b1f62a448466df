import pytest

from app.demo import catalogue
from app.demo.catalogue import CatalogueRow
from app.demo.fonts import Fonts
from app.demo.province import PROVINCE, County
from app.demo.scans import ScanFile, write_scans


@pytest.fixture(params=PROVINCE.counties, ids=lambda county: county.tenant)
def county(request: pytest.FixtureRequest) -> County:
    return request.param


@pytest.fixture(scope="session")
def fonts() -> Fonts:
    return Fonts()


@pytest.fixture(scope="session")
def qinghe() -> County:
    return PROVINCE.counties[0]


@pytest.fixture(scope="session")
def entries(qinghe: County) -> dict[str, CatalogueRow]:
    return {row.ref_code: row for row in catalogue.rows(qinghe)}


@pytest.fixture(scope="session")
def box(qinghe: County, fonts: Fonts, tmp_path_factory: pytest.TempPathFactory) -> list[ScanFile]:
    return write_scans(qinghe, tmp_path_factory.mktemp("box"), fonts)
