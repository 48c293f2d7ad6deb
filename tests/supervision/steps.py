"""The steps of a supervision order by name: `issue_order(db, order=…, by=…, now=…)`."""

from functools import partial

from crm.supervision.service import take_step
from crm.supervision.workflow import Step

issue_order = partial(take_step, step=Step.ISSUE)
drop_order = partial(take_step, step=Step.DROP)
receive_order = partial(take_step, step=Step.RECEIVE)
add_progress = partial(take_step, step=Step.PROGRESS)
ask_extension = partial(take_step, step=Step.EXTEND)
grant_extension = partial(take_step, step=Step.GRANT)
refuse_extension = partial(take_step, step=Step.REFUSE)
answer_order = partial(take_step, step=Step.ANSWER)
accept_order = partial(take_step, step=Step.ACCEPT)
return_order = partial(take_step, step=Step.RETURN)
