"""A process that works on the imports that wait, and ends: the clock starts it."""

import os
import sys
from subprocess import DEVNULL, Popen

from crm.base import clock
from crm.base.audit import come_from
from crm.cli import base
from crm.cli.processes import refuse_without_tables, stop_signal
from crm.jobs.import_process import work_on_imports
from crm.jobs.logs import log_as_json

COMMAND = (sys.executable, "-P", "-m", "crm.cli.import_worker")
METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # of the web workers, whose counts it has none of


def start() -> Popen[bytes]:
    """Start the process, with our settings."""
    environment = {name: value for name, value in os.environ.items() if name != METRICS_FOLDER}
    return Popen(COMMAND, stdin=DEVNULL, env=environment)  # noqa: S603 - our own module


def main() -> None:
    """Work until nothing waits, a signal comes, or whoever started it is gone."""
    log_as_json()
    parent = os.getppid()
    with base.sessions() as sessions, stop_signal() as stopped:
        refuse_without_tables(sessions)  # its code may be newer than that of the clock
        come_from(None)  # its entries are the clock's
        work_on_imports(
            sessions, clock.now, lambda: not stopped.is_set() and os.getppid() == parent
        )


if __name__ == "__main__":
    main()
