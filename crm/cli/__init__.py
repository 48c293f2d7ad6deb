"""The command `crm`: each of its commands in a module of its own, loaded when it is called."""

import gc
import importlib
from types import ModuleType

import click

COMMANDS = {
    "init": "crm.cli.init:init",
    "demo": "crm.cli.demo:demo",
    "serve": "crm.cli.serve:serve",
    "clock": "crm.cli.clock:clock",
    "deliver": "crm.cli.deliver:deliver",
    "import": "crm.cli.imports:import_",
    "export": "crm.cli.exports:export",
    "quota": "crm.cli.quota:quota",
    "digest": "crm.cli.digest:digest",
    "outbox": "crm.cli.outbox:outbox",
    "user": "crm.cli.user:user",
    "doctor": "crm.cli.doctor:doctor",
    "audit": "crm.cli.audit:audit",
}


def _imported(name: str) -> ModuleType:
    """Import the module of a command without collecting garbage, which takes a sixth of a start."""
    gc.disable()
    try:
        return importlib.import_module(name)
    finally:
        gc.enable()


class Lazy(click.Group):
    """A group that imports a command only when it is asked for: `crm --help` stays quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands in the order in which a zone meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Load the command of that name."""
        if name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[name].partition(":")
        command: click.Command = getattr(_imported(module), attribute)
        return command


@click.group(cls=Lazy)
def main() -> None:
    """全员招商工作台: log visits, see the quotas, receive the digests."""
