"""People who log visits without a pause, and send a form again until it is answered."""

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from itertools import count

from bench import load
from bench.load import Request, UnexpectedResponseError
from crm.base.refs import new_ref

PAUSE_SECONDS = 0.2  # before a form that was not answered is sent again
FIRST, STEP, A_DAY = time_of_day(7), timedelta(minutes=2), 480
SAVED = 302


@dataclass
class Writer:
    """One person at one server."""

    port: int
    username: str
    person_id: int
    password: str
    today: date
    answered: list[str] = field(default_factory=list)  # the references of what was saved
    statuses: Counter[int] = field(default_factory=Counter)  # 0: no answer
    pages: Counter[int] = field(default_factory=Counter)

    def sign_in(self) -> None:
        cookie = load.sign_in(self.port, self.username, self.password)
        self._cookie, self._token = load.open_form(self.port, "/visits/new", cookie)

    def log_visits(self, stopped: threading.Event) -> None:
        for number in count():
            ref = new_ref("V", self.today)
            while not stopped.is_set():
                status = self._ask(Request("/visits/new", self._cookie, self._form(number, ref)))
                self.statuses[status] += 1
                if status == SAVED:
                    self.answered.append(ref)
                    break
                stopped.wait(PAUSE_SECONDS)
            if stopped.is_set():
                return
            self.pages[self._ask(Request("/visits", self._cookie))] += 1

    def _ask(self, request: Request) -> int:
        try:
            return load.ask(self.port, request).status
        except (OSError, UnexpectedResponseError):
            return 0

    def _form(self, number: int, ref: str) -> dict[str, object]:
        on = self.today - timedelta(days=1 + number // A_DAY)
        begin = datetime.combine(on, FIRST) + number % A_DAY * STEP
        return {
            "csrf_token": self._token,
            "ref": ref,
            "kind": "outreach",
            "channel": "in_person",
            "status": "done",
            "first_on": on,
            "starts": f"{begin:%H:%M}",
            "ends": f"{begin + STEP - timedelta(minutes=1):%H:%M}",
            "city": "上海",
            "leader_id": self.person_id,
            "minutes": "介绍园区载体和政策，对方计划下月来访。",
        }


@contextmanager
def writing(writers: Sequence[Writer]) -> Iterator[None]:
    """All of them at once, until the block ends."""
    stopped = threading.Event()
    threads = [threading.Thread(target=each.log_visits, args=(stopped,)) for each in writers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopped.set()
        for thread in threads:
            thread.join()


def answers_of(writers: Sequence[Writer]) -> int:
    return sum(len(writer.answered) for writer in writers)
