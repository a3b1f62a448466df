"""The command ``lantai bench``."""

from collections.abc import Callable, Mapping

import click

from app.cli.bench import audit_append, import_rate, isolation_cost, ocr_overhead, scope_overhead, tenants_flat

BENCHMARKS: Mapping[str, Callable[[], bool]] = {
    "ocr_overhead": ocr_overhead.run,
    "import_rate": import_rate.run,
    "isolation_cost": isolation_cost.run,
    "audit_append": audit_append.run,
    "scope_overhead": scope_overhead.run,
    "tenants_flat": tenants_flat.run,
}


@click.command()
@click.argument("name", type=click.Choice([*BENCHMARKS, "all"]))
def bench(name: str) -> None:
    """Run a benchmark, or all; exit code 0 only where the goal holds."""
    wanted = BENCHMARKS.values() if name == "all" else [BENCHMARKS[name]]
    held = [run() for run in wanted]
    raise SystemExit(0 if all(held) else 1)
