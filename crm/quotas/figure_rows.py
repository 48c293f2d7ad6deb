"""A figure as columns, as commands and the API give it."""

from crm.quotas.facts import PersonFigure


def as_row(person_figure: PersonFigure) -> dict[str, object]:
    """The figure as columns: people by username, units by code."""
    figure = person_figure.figure

    return {
        "rule": figure.rule.code,
        "person": person_figure.username,
        "unit": person_figure.unit_code,
        "period": figure.period.name,
        "required": figure.required,
        "achieved": figure.achieved,
        "planned": figure.planned,
        "pace": figure.pace,
        "status": figure.status.value,
        "workdays": figure.workdays,
        "present": figure.present,
    }
