"""`crm schema`: descriptions for other programs."""

import json

import click

from crm.api.openapi import document


@click.group()
def schema() -> None:
    """Print descriptions for other programs."""


@schema.command()
def openapi() -> None:
    """Print the description of the API (OpenAPI 3.1), as /api/v1/openapi.json has it."""
    click.echo(json.dumps(document(), ensure_ascii=False, indent=2))
