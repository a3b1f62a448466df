"""One policy tree, two readings: what Python permits is what the database lists."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, column, create_engine, select, values
from sqlalchemy.types import Text

from app.kernel.predicate import And, Not, Or, Predicate, field, permits, role
from app.platform.embedded.postgres import EmbeddedPostgres
from app.platform.predicates import where

ROLES = ("archivist", "desk", "scan_op")
STATES = ("captured", "checked", "catalogued")
OPEN = ("公开", "未审核", "")

ROWS = [(state, status) for state in STATES for status in OPEN]
TABLE = values(column("state", Text), column("open_status", Text), name="resource").data(ROWS)
COLUMNS = {"state": TABLE.c.state, "open_status": TABLE.c.open_status}

leaves: st.SearchStrategy[Predicate] = st.one_of(
    st.lists(st.sampled_from(ROLES), max_size=2).map(lambda names: role(*names)),
    st.lists(st.sampled_from(STATES), max_size=2).map(lambda found: field("state", *found)),
    st.lists(st.sampled_from(OPEN), max_size=2).map(lambda found: field("open_status", *found)),
)
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(st.builds(And, inner, inner), st.builds(Or, inner, inner), st.builds(Not, inner)),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def connection(postgres: EmbeddedPostgres) -> Iterator[Connection]:
    engine = create_engine(postgres.dsn("lantai_app").replace("postgresql://", "postgresql+psycopg://", 1))
    with engine.connect() as connected:
        yield connected
    engine.dispose()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tree=trees, roles=st.frozensets(st.sampled_from(ROLES)))
def test_python_and_sql_decide_alike(connection: Connection, tree: Predicate, roles: frozenset[str]) -> None:
    listed = {tuple(row) for row in connection.execute(select(TABLE).where(where(tree, roles, COLUMNS)))}  # pyright: ignore[reportArgumentType]
    permitted = {row for row in ROWS if permits(tree, roles, {"state": row[0], "open_status": row[1]})}
    assert listed == permitted
