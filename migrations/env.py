"""Runs revisions as the tables' owner, one migration at a time on one database."""

from alembic import context
from sqlalchemy import create_engine, text

from migrations.metadata import METADATA

LOCK = 0x6C616E746169

url = context.config.attributes["url"].replace("postgresql://", "postgresql+psycopg://", 1)
engine = create_engine(url)
with engine.connect() as connection:
    connection.execute(text("SET lock_timeout = '10s'"))
    connection.execute(text("SET ROLE lantai_owner"))
    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": LOCK})
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=METADATA,
        transaction_per_migration=True,
        compare_type=True,
        compare_server_default=True,
    )
    with context.begin_transaction():
        context.run_migrations()
engine.dispose()
