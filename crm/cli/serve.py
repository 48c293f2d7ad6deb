"""`crm serve`: the web server, with the clock in its workers by default."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import click
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter

from crm.cli import load_module
from crm.cli.request_worker import REQUEST_SECONDS, RequestWorker

THREADS = 8
PORTS = click.IntRange(0, 65535)
METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
WORKER = "crm.cli.web_worker"  # loaded in the workers only: it is seven times this process


class Server(BaseApplication):  # type: ignore[misc] # gunicorn has no types
    """Gunicorn, configured by this command instead of its own files and flags."""

    def __init__(self, make: Callable[[], Any], options: dict[str, Any]) -> None:
        self._make = make
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        return self._make()


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    default=8000,
    type=PORTS,
    show_default=True,
    help="Port to listen on; 0 takes a free one.",
)
@click.option(
    "--workers",
    default=1,
    show_default=True,
    help="Worker processes; more than one needs PostgreSQL.",
)
@click.option(
    "--no-clock", is_flag=True, help="Serve only the pages; the clock runs elsewhere (crm clock)."
)
def serve(host: str, port: int, workers: int, *, no_clock: bool) -> None:
    """Serve the pages and run the clock; pages report an unavailable database."""
    run(host, port, workers=workers, with_clock=not no_clock)


def run(host: str, port: int, *, workers: int = 1, with_clock: bool = True) -> None:
    """Serve until stopped; every worker has a clock, and the lease lets one of them run jobs."""
    # before the workers load what reads it: they share their counts there (crm/web/metrics.py)
    shared = Path(mkdtemp(prefix="crm-metrics-"))
    os.environ[METRICS_FOLDER] = str(shared)
    options = {
        **server_options(host, port, workers=workers),
        **_hooks(shared, with_clock=with_clock),
    }
    parent = os.getpid()
    try:
        Server(lambda: load_module(WORKER).load(), options).run()
    except SystemExit as ended:
        # workers pass here, too; one of them has printed why it refuses to start
        if ended.code == Arbiter.APP_LOAD_ERROR and os.getpid() == parent:
            raise SystemExit(1) from None
        raise
    finally:
        if os.getpid() == parent:
            shutil.rmtree(shared, ignore_errors=True)


def _hooks(shared: Path, *, with_clock: bool) -> dict[str, Any]:
    """What gunicorn calls as a worker begins and ends."""

    def start(_worker: object) -> None:  # in the worker: a thread does not survive a fork
        load_module(WORKER).start_watch()
        load_module(WORKER).get_ready()
        if with_clock:
            load_module(WORKER).start_clock()

    def stop(_arbiter: object, worker: RequestWorker) -> None:
        if worker.booted:
            load_module(WORKER).stop_watch()
        if with_clock and worker.booted:
            load_module(WORKER).stop_clock()

    def forget(_arbiter: object, worker: RequestWorker) -> None:
        for file in shared.glob(f"gauge_live*_{worker.pid}.db"):
            file.unlink(missing_ok=True)

    return {"post_worker_init": start, "worker_exit": stop, "child_exit": forget}


def server_options(host: str, port: int, *, workers: int) -> dict[str, Any]:
    """Gunicorn's settings; bench/floor.py serves with the same."""
    return {
        "bind": f"{host}:{port}",
        "workers": workers,
        "worker_class": RequestWorker,
        # also how long a connection may wait for the rest of a request
        "keepalive": REQUEST_SECONDS,
        "threads": THREADS,
        "graceful_timeout": 8,
        "accesslog": None,
        "loglevel": "warning",
        "forwarded_allow_ips": "127.0.0.1",
        # else a client behind a proxy on this machine moves addresses, which pages remember
        "forwarder_headers": "",
        "control_socket_disable": True,
    }
