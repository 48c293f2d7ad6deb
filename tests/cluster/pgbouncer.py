"""A PgBouncer in transaction mode before a PostgreSQL, from Debian's package."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.faults.visitor import free_port
from tests.postgres import Postgres

BINARY = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
# Few connections to the server, so that the clients share them all the time.
SETTINGS = """\
[databases]
* = host=127.0.0.1 port={server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = 3
max_client_conn = 200
ignore_startup_parameters = options
"""


@contextmanager
def pgbouncer(server: Postgres, folder: Path) -> Iterator[str]:
    """Run one; gives its URL without a database's name."""
    if BINARY is None:
        pytest.skip("PgBouncer is missing: apt-get install pgbouncer")
    port, file = free_port(), folder / "pgbouncer.ini"
    file.write_text(SETTINGS.format(server=server.port, port=port, folder=folder))
    (folder / "users").write_text('"crm" ""\n')
    process = _started(file)
    try:
        _wait(port, process)
        yield f"postgresql+psycopg://crm@127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _started(file: Path) -> subprocess.Popen[bytes]:
    user = []
    if os.getuid() == 0:  # which it refuses
        user = ["-u", "nobody"]
        for folder in [file.parent, *file.parent.parents][:3]:
            folder.chmod(0o755)
    return subprocess.Popen([BINARY, *user, str(file)], stderr=subprocess.DEVNULL)


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until and process.poll() is None:
        try:
            psycopg.connect(host="127.0.0.1", port=port, user="crm", dbname="postgres").close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    pytest.fail("PgBouncer did not start")
