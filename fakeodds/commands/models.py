"""`fakeodds models`: the detectors there are."""

import click
from rich.table import Table

from fakeodds import console


@click.command()
def models() -> None:
    """List the detectors: framework, input size, parameters, and where their weights come from."""
    from base_models.detectors import list_detectors

    table = Table(box=None, pad_edge=False)
    for name in ("detector", "framework", "input", "parameters", "weights"):
        table.add_column(
            name, justify="right" if name in ("input", "parameters") else "left", overflow="fold"
        )
    for spec in list_detectors():
        table.add_row(
            spec.name,
            spec.framework,
            f"{spec.size} px",
            f"{spec.parameters / 1e6:.1f} M",
            str(spec.published),
        )
    console.out.print(table)
