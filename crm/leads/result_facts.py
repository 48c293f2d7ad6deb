"""Changes of a project that bear on what was recognised of it (PROJECTS 7)."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ResultFactChanged:
    """A milestone was corrected or withdrawn, or the amount of the project was changed."""

    lead_id: int
    milestone: str | None  # its kind; none: the amount
    at: datetime
