"""Tables of problems with their leads, assisting units and history, and of their categories."""

from datetime import date, datetime
from typing import ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, Index, true
from sqlalchemy.orm import Mapped, mapped_column, relationship

from crm.base.db import Base, enum_column
from crm.files.models import Attachment
from crm.leads.models import Lead
from crm.people.models import Person, Unit
from crm.problems.rules import EntryKind, ProblemState
from crm.visits.models import Visit


class ProblemCategory(Base):
    """A kind of obstacle (用地, 环评 …), with the unit that usually removes it."""

    __tablename__ = "problem_category"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(unique=True)
    position: Mapped[int]
    # proposed as the owner; none: the coordinating office
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("unit.id"))
    is_offered: Mapped[bool] = mapped_column(default=True, server_default=true())


class Problem(Base):
    """What holds one or several leads up (困难问题); `unit` and `person` own it, `units` assist."""

    __tablename__ = "problem"
    __table_args__ = (
        CheckConstraint("(state = 'closed') = (basis IS NOT NULL)", "closed_has_basis"),
        CheckConstraint("(state = 'shelved') = (again_on IS NOT NULL)", "shelved_has_date"),
        # PROJECTS 5: closed by another than the owner
        CheckConstraint("closed_by_id <> person_id", "closed_by_another_than_owner"),
        CheckConstraint("closed_by_id <> solved_by_id", "closed_by_another_than_solver"),
        CheckConstraint("closed_by_id <> solved_for_id", "closed_by_another_chair"),
        Index(None, "raised_at", "id"),
        Index(None, "state", "due_on"),
        Index(None, "unit_id"),
        Index(None, "person_id"),
        Index(None, "raised_by_id"),
        Index(None, "visit_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True)
    state: Mapped[ProblemState] = mapped_column(enum_column(ProblemState, "state"))
    category_id: Mapped[int] = mapped_column(ForeignKey("problem_category.id"))
    matter: Mapped[str]  # what blocks
    visit_id: Mapped[int | None] = mapped_column(ForeignKey("visit.id"))  # whose next step it was
    raised_at: Mapped[datetime]
    raised_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    # of the raiser's primary posting then; its supervisors confirm in their place
    raised_unit_id: Mapped[int | None] = mapped_column(ForeignKey("unit.id"))
    unit_id: Mapped[int] = mapped_column(ForeignKey("unit.id"))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    take_by: Mapped[date | None]  # none once it was taken
    due_on: Mapped[date]
    passes: Mapped[int]  # how often it was passed on
    referred_at: Mapped[datetime | None]  # since when it waits for an officer to name the owner
    shelved_on: Mapped[date | None]
    again_on: Mapped[date | None]  # on which date a shelved one is looked at again
    solved_at: Mapped[datetime | None]
    solved_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    # in whose name a delegate reported it: one chair, however many people
    solved_for_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    closed_at: Mapped[datetime | None]
    closed_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    basis: Mapped[str | None]  # the stated basis of its closing
    # whom an admin named for the next step, where nobody is left to take it
    named_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))

    category: Mapped[ProblemCategory] = relationship(lazy="raise")
    raised_by: Mapped[Person] = relationship(lazy="raise", foreign_keys=[raised_by_id])
    unit: Mapped[Unit] = relationship(lazy="raise", foreign_keys=[unit_id])
    person: Mapped[Person | None] = relationship(lazy="raise", foreign_keys=[person_id])
    named: Mapped[Person | None] = relationship(lazy="raise", foreign_keys=[named_id])
    visit: Mapped[Visit | None] = relationship(lazy="raise")
    leads: Mapped[list[Lead]] = relationship(
        lazy="raise", secondary="problem_lead", order_by="Lead.id"
    )
    units: Mapped[list[Unit]] = relationship(
        lazy="raise", secondary="problem_unit", order_by="Unit.position, Unit.id"
    )
    entries: Mapped[list["ProblemEntry"]] = relationship(
        back_populates="problem", lazy="raise", order_by="ProblemEntry.id"
    )


class ProblemLead(Base):
    """A lead that the problem holds up."""

    __tablename__ = "problem_lead"
    __table_args__ = (Index(None, "lead_id"),)

    problem_id: Mapped[int] = mapped_column(ForeignKey("problem.id"), primary_key=True)
    lead_id: Mapped[int] = mapped_column(ForeignKey("lead.id"), primary_key=True)


class ProblemUnit(Base):
    """A unit that assists (协办)."""

    __tablename__ = "problem_unit"
    __table_args__ = (Index(None, "unit_id"),)

    problem_id: Mapped[int] = mapped_column(ForeignKey("problem.id"), primary_key=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("unit.id"), primary_key=True)


class ProblemEntry(Base):
    """An entry of a problem's history, with how the problem stood after it; only added."""

    __tablename__ = "problem_entry"
    __table_args__ = (Index(None, "problem_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    problem_id: Mapped[int] = mapped_column(ForeignKey("problem.id"))
    kind: Mapped[EntryKind] = mapped_column(enum_column(EntryKind, "kind"))
    text: Mapped[str | None]
    state: Mapped[ProblemState] = mapped_column(enum_column(ProblemState, "state"))
    due_on: Mapped[date]
    unit_id: Mapped[int] = mapped_column(ForeignKey("unit.id"))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))  # none: the clock

    problem: Mapped[Problem] = relationship(back_populates="entries", lazy="raise")
    by: Mapped[Person | None] = relationship(lazy="raise", foreign_keys=[by_id])
    unit: Mapped[Unit] = relationship(lazy="raise")
    person: Mapped[Person | None] = relationship(lazy="raise", foreign_keys=[person_id])


class ProblemFile(Attachment):
    """A file attached to a problem."""

    __tablename__ = "problem_file"
    record: ClassVar = Problem
