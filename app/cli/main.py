"""The ``lantai`` command."""

from pathlib import Path

import click

from app.cli import agreements, archive, audit, catalogue, clients, install, organization, scans, tenant, users
from app.cli.bench.command import bench
from app.cli.session import refuse
from app.kernel.errors import DomainError


class Lantai(click.Group):
    """Prints refusals in the user's words."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; a refusal becomes a sentence and exit code 1."""
        try:
            return super().invoke(ctx)
        except DomainError as error:
            refuse(error)


@click.group(cls=Lantai)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    default=Path("data"),
    show_default=True,
    help="Folder of the embedded archive; not used where LANTAI_DATABASE_URL is set.",
)
def main(data: Path) -> None:
    """兰台云 Lantai Cloud: an archive for counties."""
    del data


for command in (
    *install.COMMANDS,
    *tenant.COMMANDS,
    *agreements.COMMANDS,
    *clients.COMMANDS,
    *organization.COMMANDS,
    *users.COMMANDS,
    *archive.COMMANDS,
    *audit.COMMANDS,
    *catalogue.COMMANDS,
    *scans.COMMANDS,
    bench,
):
    main.add_command(command)
