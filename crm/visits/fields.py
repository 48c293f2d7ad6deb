"""The fields of a visit, and their values as services are given them."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import fields, replace
from datetime import datetime

from crm.base.fields import Field, FieldKind, columns_of, declared
from crm.base.names import folded
from crm.base.sheets import Column
from crm.base.value_class import value_class
from crm.visits.models import Visit
from crm.visits.rules import Channel, Counterpart, Kind, Status, Verdict

# In the order of the columns of a file.
VISIT_FIELDS = declared(
    Field("ref", "编号", columns=(Column("ref", "编号", "V-2026-001"),)),
    Field(
        "kind",
        "类型",
        FieldKind.CHOICE,
        choices=Kind,
        columns=(Column("kind", "类型", Kind.OUTREACH.label),),
        in_form=True,
        bears_on_quotas=True,
    ),
    Field(
        "channel",
        "方式",
        FieldKind.CHOICE,
        choices=Channel,
        columns=(Column("channel", "方式", Channel.IN_PERSON.label),),
        in_form=True,
        bears_on_quotas=True,
    ),
    Field(
        "status",
        "状态",
        FieldKind.CHOICE,
        choices=Status,
        columns=(Column("status", "状态", Status.DONE.label),),
        in_form=True,
        bears_on_quotas=True,
    ),
    Field(
        "starts_at",
        "开始时间",
        FieldKind.MOMENT,
        columns=(Column("starts_at", "开始时间", "2026-07-14T09:00"),),
        bears_on_quotas=True,
    ),
    Field(
        "ends_at",
        "结束时间",
        FieldKind.MOMENT,
        columns=(Column("ends_at", "结束时间", "2026-07-14T11:30"),),
        bears_on_quotas=True,
    ),
    # not in the file: they follow from the two moments
    Field("first_on", "开始日期", FieldKind.DATE, bears_on_quotas=True),
    Field("last_on", "结束日期", FieldKind.DATE, bears_on_quotas=True),
    Field("city", "城市", columns=(Column("city", "城市", "上海"),), in_form=True),
    Field(
        "leader_id",
        "带队人",
        FieldKind.PERSON,
        columns=(
            Column("leader", "带队人", "zhaomou"),
            Column("leader_name", "带队人姓名", shown_only=True),
        ),
        in_form=True,
        bears_on_quotas=True,
    ),
    Field(
        "participant_ids",
        "同行人",
        FieldKind.PEOPLE,
        columns=(
            Column("participants", "同行人", "qianmou;sunmou"),
            Column("participant_names", "同行人姓名", shown_only=True),
        ),
        in_form=True,
        is_stored=False,
        bears_on_quotas=True,
    ),
    Field(
        "lead_ids",
        "线索",
        FieldKind.LEADS,
        columns=(
            Column("leads", "线索"),
            Column("lead_titles", "线索名称", shown_only=True),
        ),
        in_form=True,
        form_label="项目线索",
        is_stored=False,
    ),
    Field(
        "logged_at",
        "办结时间",
        FieldKind.MOMENT,
        columns=(Column("logged_at", "登记时间", "2026-07-14T18:00"),),
        bears_on_quotas=True,
    ),
    Field(
        "verdict",
        "核定",
        FieldKind.CHOICE,
        choices=Verdict,
        columns=(Column("verdict", "核定"),),
        bears_on_quotas=True,
    ),
    Field(
        "note",
        "备注",
        FieldKind.PROSE,
        columns=(Column("note", "备注"),),
        in_form=True,
        is_hidden_with_leads=True,
        is_searched=True,
    ),
    Field(
        "met",
        "会见人",
        columns=(Column("met", "会见人", "李经理", optional=True),),
        is_hidden_with_leads=True,
        is_searched=True,
    ),
    Field(
        "position",
        "会见人职务",
        columns=(Column("position", "会见人职务", "投资部经理", optional=True),),
        is_hidden_with_leads=True,
    ),
    Field(
        "minutes",
        "洽谈纪要",
        FieldKind.PROSE,
        columns=(Column("minutes", "洽谈纪要", "介绍园区条件，对方有意来访", optional=True),),
        in_form=True,
        is_hidden_with_leads=True,
        is_searched=True,
    ),
    Field(
        "next_step",
        "下一步",
        FieldKind.LONG_LINE,
        columns=(Column("next_step", "下一步", "邀请来访", optional=True),),
        in_form=True,
        is_hidden_with_leads=True,
        is_searched=True,
    ),
    Field(
        "trip",
        "批次",
        columns=(Column("trip", "批次", optional=True),),
        in_form=True,
        form_label="出差批次号",
    ),
    Field(
        "entered_at",
        "录入时间",
        FieldKind.MOMENT,
        columns=(Column("entered_at", "录入时间", optional=True),),
    ),
    Field(
        "companies",
        "拜访企业",
        FieldKind.OTHER,
        columns=(
            Column("companies", "拜访企业", "某某电子有限公司", optional=True),
            Column("company_count", "家次", shown_only=True),
        ),
        in_form=True,
        is_stored=False,
        is_hidden_with_leads=True,
    ),
)
VISIT_COLUMNS = columns_of(VISIT_FIELDS.values())


def joined_names(texts: Iterable[str | None]) -> str | None:
    """The texts in one line, without empty ones."""
    return "、".join(filter(None, texts)) or None


@value_class
class CompanyMet:
    """A company met at a visit: known, or by its name alone, or only a person met."""

    company_id: int | None = None
    name: str | None = None
    met: str | None = None
    position: str | None = None
    counterpart: Counterpart = Counterpart.ENTERPRISE

    @property
    def folded(self) -> str:
        """The name of one that is not on record, as names are compared."""
        return folded(self.name or "")

    @property
    def is_company(self) -> bool:
        """Whether it counts as one (家次)."""
        return bool(self.company_id or self.name)

    @property
    def is_empty(self) -> bool:
        return not (self.is_company or self.met or self.position)

    @property
    def key(self) -> object:
        """What it may stand for only once at a visit."""
        return self.company_id or (folded(self.name) if self.name else (self.met, self.position))

    def joined_by(self, other: "CompanyMet") -> "CompanyMet":
        """The company with those met there by both."""
        if not other.met or other.met in (self.met or ""):
            return self
        return replace(
            self,
            met=joined_names((self.met, other.met)),
            position=joined_names((self.position, other.position)),
        )


@value_class
class SeenCompany(CompanyMet):
    """A company met before a viewer; one that is hidden has neither name nor id."""

    is_hidden: bool = False
    has_lead: bool = False  # it is of a lead of the visit that the viewer may see

    @property
    def people(self) -> str:
        """Who was met there."""
        return " ".join(text for text in (self.met, self.position) if text)


@value_class(kw_only=True)
class VisitWords:
    """What was said at a visit, in the order in which pages show it."""

    met: str | None = None
    position: str | None = None
    minutes: str | None = None
    next_step: str | None = None
    note: str | None = None


WORDS = tuple(field.name for field in fields(VisitWords))


@value_class(kw_only=True)
class VisitData(VisitWords):
    """A visit as it is to be kept."""

    ref: str = ""
    kind: Kind
    channel: Channel = Channel.IN_PERSON
    status: Status = Status.DONE
    starts_at: datetime
    ends_at: datetime
    city: str = ""
    leader_id: int
    participant_ids: Collection[int] = ()
    lead_ids: Collection[int] = ()
    companies: Sequence[CompanyMet] = ()  # those of the leads need not be named
    trip: str | None = None
    reason: str | None = None  # why it is logged or changed, for the trail

    @property
    def joined_by(self) -> frozenset[int]:
        """Those who take part without leading."""
        return frozenset(self.participant_ids) - {self.leader_id}


def data_of(visit: Visit) -> VisitData:
    """A visit, its people, leads and companies loaded, as services are given it."""
    stored = [name for name in VisitData.__dataclass_fields__ if name in Visit.__table__.columns]
    return VisitData(
        participant_ids=[person.id for person in visit.participants],
        lead_ids=[lead.id for lead in visit.leads],
        companies=[
            CompanyMet(row.company_id, row.name, row.met, row.position, row.counterpart)
            for row in visit.companies
        ],
        **{name: getattr(visit, name) for name in stored},
    )
