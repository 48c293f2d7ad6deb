"""Run every measurement and write RESULTS.md: `python -m bench`.

A module that ends with an error is named in its section, and the others go on.
"""

import shlex
import subprocess
import sys
from pathlib import Path

import click

from bench.report import conditions
from crm.base import clock

HERE = Path(__file__).parent
SECTIONS = {  # the heading and the command below it
    "Pages, and logging a visit": "bench.pages",
    "Pages opened after a change": "bench.first_views",
    "Logging visits on both databases": "bench.writes",
    "Figures of a month": "bench.figures --scale 0.1",
    "Weekly digests": "bench.digests --scale 0.1",
    "Delivery": "bench.delivery",
    "Imports": "bench.imports --scale 0.5",
    "Starts and memory": "bench.processes",
    "Duplicates of companies": "bench.duplicates",
    "The audit chain": "bench.commits",
    "Ten zones": "bench.ten_zones --scale 0.1",
}


def section(heading: str, command: str) -> str:
    """The heading, the command and what it prints."""
    arguments = [sys.executable, "-m", *shlex.split(command)]
    run = subprocess.run(arguments, cwd=HERE.parent, stdout=subprocess.PIPE, text=True, check=False)
    text = run.stdout.strip() if run.returncode == 0 else f"It ended with code {run.returncode}."
    return f"## {heading}\n\n`python -m {command}`\n\n{text}"


@click.command()
@click.option("--only", default="", help="Measure what has this in its heading.")
@click.option("--output", default=HERE / "RESULTS.md", type=click.Path(path_type=Path))
def main(*, only: str, output: Path) -> None:
    """Measure everything, print the tables and write them to a file."""
    parts = [
        "# Results",
        "Written by `make bench`; [README.md](README.md) explains the columns.",
        conditions(clock.now()),
    ]
    for heading, command in SECTIONS.items():
        if only in heading:
            parts.append(section(heading, command))
            click.echo(parts[-1] + "\n")
            # what was measured stays when a later measurement is broken off
            output.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
