"""What all forked processes begin with: the server that forks them imports it, and nobody else."""

import gc

from crm.app import create_app
from crm.settings import Settings
from tests import compiled_once

compiled_once.share()
create_app(Settings(database_url="sqlite://", secret_key="of nobody, " * 4))
gc.collect()
gc.freeze()
