"""A small zone in the files that `crm import` reads, and who is to get which digest of it.

What each line is there for stands beside it; the digests are told by hand from REGIME 5.
"""

from itertools import count

PEOPLE = """\
username,name,email,phone,unit,duty,role,from,to
zhao,赵某,zhao@crm.test,,zone,principal,leader,2026-01-01,
qian,钱某,qian@crm.test,,bonded,principal,recruiter,2026-01-01,
sun,孙某,sun@crm.test,,invest,deputy,leader,2026-01-01,
li,李某,li@crm.test,,projects,deputy,recruiter,2026-01-01,2026-06-14
li,李某,li@crm.test,,projects,staff,recruiter,2026-06-15,
zhou,周某,,,company-it,recruiter,recruiter,2026-01-01,
wu,吴某,wu@crm.test,,company-data,recruiter,recruiter,2026-01-01,
zheng,郑某,zheng@crm.test,,company-smart,recruiter,recruiter,2026-06-15,
jiang,蒋某,jiang@crm.test,,company-health,recruiter,recruiter,2026-01-01,
wang,王某,wang@crm.test,,company,staff,supervisor,2026-01-01,
feng,冯某,feng@crm.test,,zone,staff,supervisor,2026-01-01,
chen,陈某,chen@crm.test,,zone,staff,reader,2026-01-01,
chu,褚某,chu@crm.test,,economy,staff,recruiter,2026-01-01,
wei,卫某,wei@crm.test,,office,staff,admin,2026-01-01,
"""

ABSENCES = """\
username,from,to,reason,kind
qian,2026-06-08,2026-06-14,疗养,leave
jiang,2026-06-01,2026-06-30,住院,sick
"""

# Principals, deputies and recruiters throughout; supervisors, leaders and the reader. Neither the
# staff without a quota (chu) nor the admin (wei).
ALWAYS = {"zhao", "qian", "sun", "li", "zhou", "wu", "zheng", "jiang", "wang", "feng", "chen"}
WITHOUT_ADDRESS = {"zhou"}

# A weekly digest is about the week's own quotas and the month that runs when it is made.
WEEKS_OF_JUNE = {
    "2026-W22": ALWAYS - {"jiang"},  # away all June, so nothing is owed
    "2026-W23": ALWAYS - {"jiang"},
    "2026-W24": ALWAYS - {"jiang", "qian"},  # qian owes by weeks, and was away all of this one
    "2026-W25": ALWAYS - {"jiang"},
    "2026-W26": ALWAYS - {"jiang"},  # li owed until the 14th, and June still runs
}
MONTHS_OF_JUNE = {"2026-05": ALWAYS - {"zheng"}}  # who begins on 15 June
WEEKS_OF_JULY = {name: ALWAYS - {"li"} for name in ("2026-W27", "2026-W28", "2026-W29", "2026-W30")}
MONTHS_OF_JULY = {"2026-06": ALWAYS - {"jiang"}}
NUDGES_OF_JUNE, NUDGES_OF_JULY = 21, 23  # their working days (REGIME 4)


def digest_keys(**recipients: dict[str, set[str]]) -> list[str]:
    """The dedupe keys of these recipients' digests, by kind and period."""
    return sorted(
        f"{kind}-digest:zone:{username}:{period}:-"
        for kind, periods in recipients.items()
        for period, usernames in periods.items()
        for username in usernames
    )


DIGESTS_OF_JUNE = digest_keys(weekly=WEEKS_OF_JUNE, monthly=MONTHS_OF_JUNE)
DIGESTS_OF_EARLY_JULY = digest_keys(
    weekly={"2026-W27": WEEKS_OF_JULY["2026-W27"]}, monthly=MONTHS_OF_JULY
)
DIGESTS_OF_JULY = digest_keys(weekly=WEEKS_OF_JULY, monthly=MONTHS_OF_JULY)

_numbers = count(1)


def _visit(  # a line of the file; dates as `06-03`, of 2026
    leader: str,
    first: str,
    last: str = "",
    *,
    kind: str = "outreach",
    channel: str = "in_person",
    status: str = "done",
    participants: str = "",
    logged: str = "",
    verdict: str = "",
) -> str:
    end = f"2026-{last or first}T17:00"
    logged_at = f"2026-{logged}T18:00" if logged else f"2026-{last or first}T18:00"
    return (
        f"V-{next(_numbers):03},{kind},{channel},{status},2026-{first}T09:00,{end},上海,"
        f"{leader},{participants},,{logged_at},{verdict},,企业甲洽谈；对方有意来访"
    )


def _planned(leader: str, first: str, last: str = "", *, entered: str, kind: str = "outreach"):
    return _visit(leader, first, last, kind=kind, status="planned", logged=entered)


def _weekly(leader: str, *firsts: str) -> list[str]:
    return [_visit(leader, first) for first in firsts]


HEAD = (
    "ref,kind,channel,status,starts_at,ends_at,city,leader,participants,leads,"
    "logged_at,verdict,note,minutes"
)
VISITS = "\n".join(
    (
        HEAD,
        *_weekly("zhao", "05-06", "05-13", "05-27", "06-03", "06-10", "06-24", "07-08", "07-22"),
        _visit("zhao", "06-17", logged="06-26"),  # logged late, and waits for a verdict
        _planned("zhao", "07-01", entered="06-29"),
        *_weekly("qian", "05-26", "06-02", "06-25", "07-14"),
        _visit("qian", "06-16", verdict="rejected"),
        *_weekly("sun", "05-12", "05-19", "06-04", "06-09", "06-11", "06-23", "07-03", "07-09"),
        _visit("sun", "06-12", channel="video"),  # a channel that does not count
        _planned("sun", "06-30", entered="06-22"),
        *_weekly("li", "05-20", "05-21", "06-05"),
        _visit("zhou", "05-06", "05-29", kind="residency"),
        _visit("zhou", "06-02", "06-12", kind="residency", participants="wu"),
        _planned("zhou", "06-22", "07-10", entered="06-18", kind="residency"),  # under way
        _visit("wu", "06-15", "06-18", kind="residency", logged="06-25"),  # logged late
        _visit("wu", "06-24", "06-26", kind="residency"),
        _visit("wu", "07-01", "07-24", kind="residency"),
        _visit("zheng", "06-16", "06-30", kind="residency", participants="jiang"),
        _visit("jiang", "05-11", "05-22", kind="residency"),
        _visit("jiang", "07-06", "07-17", kind="residency"),
        "",
    )
)

INSTALLED, FIRST_DAYS, JUNE, JULY = "2026-05-31T23:00", "2026-06-10", "2026-06-30", "2026-07-31"
