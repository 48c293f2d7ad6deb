"""The words of a quick entry for its kind, plan, next steps and commands (ENTRY 1). Pure."""

import re

from crm.base.value_class import value_class
from crm.visits.quick_dates import DateFound
from crm.visits.quick_text import Span
from crm.visits.rules import Channel, Kind

_TO_EVENT = (  # 去上海开推介会, 赴深圳驻点
    r"(?:(?!拜访|走访|看|见|找|对接)[^,。;]){0,12}?"
    r"(?:参加|出席|推介会|展会|论坛|峰会|参会|参展|驻[点城])"
)
# in the order in which a word at one place is looked for
KINDS: tuple[tuple[Kind, Channel, str], ...] = (
    (
        Kind.EVENT,
        Channel.IN_PERSON,
        (
            r"(?:(?:参加|出席|列席|参与|举办|主办|承办|协办)(?:(?!视频|线上|电话|腾讯|[,。;]).){0,16}?"
            r"(?:会(?![见谈员长面议])|论坛|沙龙|路演|仪式|大赛|博览)|推介会|推介活动|招商大?会|展会|展览会|博览会|年会(?!员)"
            r"|[进工智车医药光]博会|[高广消农]交会|服贸会|洽谈会|恳谈会|圆桌会|对接会|交流会|说明会|发布会|论坛|峰会|沙龙|路演|参会|参展)(?:现场|上(?![半海周月下个市]))?"
        ),
    ),
    (
        Kind.RECEPTION,
        Channel.IN_PERSON,
        r"接待|来访|到访|莅临|来考察|(?<=[^们户方])来(?:我们?|本|园)?区里?|[来到](?:我们?|本)区[^,。;]{0,4}考察",
    ),
    (Kind.RESIDENCY, Channel.IN_PERSON, r"驻点|驻城|蹲点|(?<![入进])驻(?!地)"),
    (
        Kind.REMOTE,
        Channel.VIDEO,
        (
            r"视频会?议?|线上会议?|(?:腾讯|钉钉|飞书|网络|远程|云|电视)会议|连线|线上(?=对接|沟通|交流|洽谈|[跟和与])"
            r"|[Zz]oom|[Tt]eams"
        ),
    ),
    (Kind.REMOTE, Channel.PHONE, r"电话(?!后|预约|约好)|通话(?!后)|打给|致电|来电|微信语音|语音"),
    (Kind.REMOTE, Channel.EMAIL, r"(?:电子)?邮件|邮箱"),
    (
        Kind.OUTREACH,
        Channel.IN_PERSON,
        (
            rf"拜访|走访|回访|拜会|登门|外出考察|上门|赴(?!{_TO_EVENT})|跑了?|"
            rf"(?<![过回出失除上下进不没])去(?![年化除掉]|了?(?:电话|邮件)|{_TO_EVENT})|"
            r"(?<![查观来区])看(?![好法待到重中了])|(?<!查)找(?!到)"
        ),
    ),
)
_ACTS = (
    r"(?=(?:于|在|再|好了?)?(?:请|邀|今|明(?!年)|后天|下周|下星期|周|星期|\d|本周|上午|下午|"
    r"赴|去|到|拜|走访|接|见|看|跑|驻|陪|参加|参会|和|与|跟|电话|视频|联系|带(?!动)|参观|考察|回访|上门|约|飞"
    r"|[开办]视频|连线|[开打](?:个|一个)?(?:会|视频|电话|线上|腾讯)|举办|组织"
    r"|在[^,。;]{1,10}?(?:接待|拜访|走访|[会约]?见(?!长)|参[加会观]|驻|[对座]谈|洽谈|对接|开会|举办)))"
)
PLANNING = re.compile(
    rf"(?:计划|准备|打算|拟)(?:约(?!谈)(?=[一-龥A-Za-z])|{_ACTS})|(?<![签预邀])约了|约好|预约|^(?:安排|约(?!定))"
    r"|(?<![不需想只主重])要(?=去|赴|到[^,。;]{1,6}(?:拜访|走访|去|见|看)|拜访|接待)|将(?=赴|于|去|拜访|接待)"
    r"|(?<![大预节制特来])约(?!的)(?=[一-龥]{1,3}(?:总|工|董|经理|先生|女士))"
)
_NEXT = re.compile(
    r"下一步|下步|约定|(?<!已)安排(?!我(?![局委办方们区]))|(?<![招期对等接看优善])待(?![遇定])"
    r"|请[^,。;]{1,12}?(?:回复|提供|寄|送|反馈|报|研究|核实|确认|协调|答复|安排|准备|落实)"
)
# agreed in a clause after the visit's: 约好12月3日来区
_AGREED = re.compile(
    r"(?:双方|都|并|已|又|还)*(?:约好|约了|说好|商定|(?<![签预邀合条大履续])约(?![定为占有莫的]))"
)
_VISITED = re.compile(r"打给|[见谈聊访看跑去赴驻]|接待|对接|联系|电话|视频|会议|邮件|通话|参加")
_ASKS = re.compile(r"请|待|催|下一步|下步")
_ASKED = re.compile(  # 请招商服务局周三前出方案, 对方下周三前给答复
    r"请(?![客示假教问吃])|(?:由|让)(?=[^,。;]{2,10}$)"
    r"|(?:对方|企业|客户|双方|我方|我们|我局|他们)(?:承诺|答应|表示|会|将|需|要)?(?=$)"
)
# what others say or wish is not yet a visit: 对方明确12月中旬来区考察
_PROMISED = re.compile(
    r"(?:(?<![跟和与给向同陪见访待])对方|明确|答应|表示|同意|承诺|希望|有意|愿意|想要?"
    r"|说(?![好定了完明]))[^,。;]{0,24}"
)
_OTHERS_PLAN = re.compile(r"(?:对方|他们|企业|客户|客商|公司|总|表示|说)[^,。;]{0,12}$")
_CANCEL = re.compile(r"^取消(?P<what>[^,。;]*)[,。;\s]*(?P<why>.*)$", re.DOTALL)
_CANCELLED = re.compile(  # 明天去苏州的拜访取消了，客户有事
    r"^(?P<what>[^,。;]{0,30}(?:拜访|走访|行程|接待|会议?|见面|驻[城点]|出差|安排|活动))(?:已经?)?取消了?[吧掉]*"
    r"(?=[,。;\s]|$)[,。;\s]*(?P<why>.*)$",
    re.DOTALL,
)
_MOVE = re.compile(
    r"^(?:把|将)?(?P<what>(?!.*(?:见了|拜访了|谈))[^。;]{0,30}?),?改到(?P<to>[^,。;]+)[,。;\s]*"
    r"(?P<why>.*)$",
    re.DOTALL,
)
PATTERNS = {
    "planning": PLANNING,
    "promised": _PROMISED,
    "others_plan": _OTHERS_PLAN,
    "next": _NEXT,
    "agreed": _AGREED,
    "visited": _VISITED,
    "asks": _ASKS,
    "asked": _ASKED,
    "cancel": _CANCEL,
    "cancelled": _CANCELLED,
    "move": _MOVE,
}


@value_class
class KindFound:
    """The kind that a word names."""

    span: Span
    kind: Kind
    channel: Channel


@value_class
class NextStep:
    """What is to happen next, and by when."""

    span: Span
    text: str
    due: DateFound | None


@value_class
class Command:
    """A wish to cancel or to move a planned visit."""

    what: str
    reason: str
    to: str = ""  # when; empty: it is cancelled


def kinds_in(text: str) -> list[KindFound]:
    """All words for a kind, in their order."""
    found = [
        KindFound(Span(*match.span()), kind, channel)
        for kind, channel, words in KINDS
        for match in re.finditer(words, text)
    ]
    return sorted(found, key=lambda one: one.span)


def without_promises(text: str) -> str:
    """The text, as long as before, without what others say or wish."""
    return _PROMISED.sub(lambda match: "。" * len(match[0]), text)


def is_planned(text: str) -> bool:
    """Whether the writer plans the visit; others may plan something else."""
    return any(not _OTHERS_PLAN.search(text[: match.start()]) for match in PLANNING.finditer(text))


def command_in(text: str) -> Command | None:
    """The command of the entry; none where it tells of a visit."""
    if found := _CANCEL.match(text) or _CANCELLED.match(text):
        return Command(found["what"].strip(), found["why"].strip())
    if found := _MOVE.match(text):
        return Command(found["what"].strip(), found["why"].strip(), found["to"].strip())
    return None


def next_steps(text: str, dates: list[DateFound]) -> list[NextStep]:
    """The next steps: clauses that begin with their words, or that have a deadline."""
    found = list[NextStep]()
    for start, end in _clauses(text):
        inside = [one for one in dates if start <= one.span.start < end]
        begin = _begin(text, start, end, inside)
        if begin is None or (begin == 0 and not _is_due_alone(text, inside, dates)):
            continue
        due = next((one for one in inside if one.span.start >= begin), None)
        words = text[begin:end]
        if due:
            words = text[begin : due.span.start] + text[due.span.end : end]
        words = re.sub(r"^(?:下一步|下步)[:是,]?", "", words.strip()).strip()
        found.append(NextStep(Span(begin, end), words or text[begin:end].strip(), due))
    return found


def _is_due_alone(text: str, inside: list[DateFound], dates: list[DateFound]) -> bool:
    """Whether the first clause has a deadline: it asks for something, or the visit has a date."""
    has_deadline = any(one.is_deadline for one in inside)
    return has_deadline and (len(inside) < len(dates) or bool(_ASKS.match(text)))


def _begin(text: str, start: int, end: int, inside: list[DateFound]) -> int | None:
    """Where in the clause the next step begins, its date included; none where it has none."""
    words = _NEXT.search(text, start, end)
    if not words and inside and start and _VISITED.search(text, 0, start):
        words = _AGREED.search(text, start, end)
    deadline = next((one for one in inside if one.is_deadline), None)
    places = []
    if deadline and (asked := _ASKED.search(text, start, deadline.span.start)):
        places.append(asked.start())
    if words:
        before = [one for one in inside if one.span.end == words.start()]
        places.append(before[0].span.start if before else words.start())
    if deadline and (start > 0 or len(inside) > 1):
        places.append(deadline.span.start)
    return min(places, default=None)


def _clauses(text: str) -> list[tuple[int, int]]:
    return [(one.start(), one.end()) for one in re.finditer(r"[^,。;!?]+", text)]
