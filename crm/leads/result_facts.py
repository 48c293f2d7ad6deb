"""Changes of a project that bear on what was recognised of it (PROJECTS 7)."""

from datetime import datetime

from crm.base.value_class import value_class


@value_class
class ResultFactChanged:
    """A milestone was corrected or withdrawn, or the amount of the project was changed."""

    lead_id: int
    milestone: str | None  # its kind; none: the amount
    at: datetime
