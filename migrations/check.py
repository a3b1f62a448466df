"""``python -m migrations.check``: nothing → newest revision → compared with the models."""

import tempfile
from pathlib import Path

from app.platform.embedded.postgres import running
from app.platform.roles import LOGINS, establish
from migrations.run import compare, migrate


def main() -> None:
    """Build a database by the revisions alone and compare it with the models."""
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "data") as postgres:
        postgres.admit(LOGINS)
        establish(postgres.dsn())
        migrate(postgres.dsn("lantai_migrator"))
        compare(postgres.dsn("lantai_migrator"))


if __name__ == "__main__":
    main()
