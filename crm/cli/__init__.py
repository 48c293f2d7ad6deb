"""The command `crm`; each subcommand is a module that is imported when it is called."""

import gc
import importlib
import sys
from types import ModuleType

import click

from crm.base.garbage import no_garbage_collection

# Names, not imports: `crm --help` needs none of the modules.
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
    "files": "crm.cli.files:files",
    "schema": "crm.cli.schema:schema",
    "backup": "crm.cli.backup:backup",
    "restore": "crm.cli.backup:restore",
    "move": "crm.cli.backup:move",
}


def load_module(name: str) -> ModuleType:
    """Import a module; collecting garbage would take a sixth of the start-up."""
    if name in sys.modules:
        return sys.modules[name]
    with no_garbage_collection():
        module = importlib.import_module(name)

    # Modules stay: looking at them again and again took a third of the time of delivering mails.
    gc.freeze()
    return module


class LazyGroup(click.Group):
    """A group that imports a command only when it is needed, so that commands start quickly."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Keep the order of COMMANDS, in which an operator needs them; Click would sort them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[name].partition(":")
        command: click.Command = getattr(load_module(module), attribute)
        return command


@click.group(cls=LazyGroup)
def main() -> None:
    """全员招商工作台: log visits, see the quotas, receive the digests."""
