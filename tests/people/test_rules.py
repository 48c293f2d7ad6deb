"""The words of people: what one is for the quotas, and what one is for the pages (REGIME 2)."""

from argon2 import PasswordHasher

from crm.people.rules import (
    HOLDERS,
    IN_BUSINESS,
    OF_BOARDS,
    OVERSEEING,
    WITH_RECORDS,
    AbsenceKind,
    Duty,
    Role,
    UnitKind,
)


def test_a_duty_is_principal_deputy_recruiter_or_staff():
    assert {duty.value for duty in Duty} == {"principal", "deputy", "recruiter", "staff"}


def test_a_role_is_recruiter_supervisor_leader_admin_reader_or_auditor():
    known = {"recruiter", "supervisor", "leader", "admin", "reader", "auditor"}
    assert {role.value for role in Role} == known | {"system_admin", "security_admin"}


def test_the_three_who_administer_hold_one_duty_each_and_no_records():
    three = {Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDITOR}

    assert [sorted(roles & three) for roles in HOLDERS.values()] == [
        ["system_admin"],
        ["security_admin"],
        ["auditor"],
    ]
    assert IN_BUSINESS.isdisjoint(three)


def test_a_reader_has_boards_and_no_records():
    assert Role.READER in OF_BOARDS
    assert Role.READER not in WITH_RECORDS


def test_supervisors_leaders_and_admins_oversee_others():
    assert {Role.SUPERVISOR, Role.LEADER, Role.ADMIN} == OVERSEEING


def test_an_absence_is_leave_sick_training_secondment_or_other_duty():
    assert {kind.value for kind in AbsenceKind} == {
        *("leave", "sick", "training", "secondment", "other_duty")
    }


def test_a_unit_is_a_zone_a_bureau_a_park_or_a_team():
    assert {kind.value for kind in UnitKind} == {"zone", "bureau", "park", "team"}


def test_passwords_are_hashed_at_the_cost_that_the_library_advises(own_hasher):
    advised = PasswordHasher()

    assert (own_hasher.memory_cost, own_hasher.time_cost) == (
        advised.memory_cost,
        advised.time_cost,
    )
    assert own_hasher.memory_cost >= 19 * 1024  # KiB; the least that OWASP names
