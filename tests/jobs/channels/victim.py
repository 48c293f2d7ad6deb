"""A process that dies between a receiver's answer and our mark: `… victim URL`."""

import os
import signal
import sys

from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

from crm.base.db import engine_options
from crm.jobs.channels.delivery import ChannelDeliverer
from crm.jobs.channels.http import Line
from tests.conftest import NOW
from tests.databases import SECRET


class DyingLine(Line):
    """It reads the answer, and no more."""

    def post(self, request, before_body):
        super().post(request, before_body)
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    options = engine_options(sys.argv[1])
    maker = sessionmaker(create_engine(options.pop("url"), **options), expire_on_commit=False)
    ChannelDeliverer(maker, SECRET, lambda: NOW, line=DyingLine()).deliver_all()
