"""Contacts as pages show them."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from crm.base.masking import masked_email, masked_phone
from crm.base.value_class import value_class
from crm.leads.models import Contact


@value_class
class ContactLine:
    """A contact with the number and the address as the viewer may read them at once."""

    id: int
    name: str
    position: str | None
    phone: str | None
    email: str | None
    is_plain: bool

    @property
    def can_be_revealed(self) -> bool:
        """Whether more is known than is shown."""
        return not self.is_plain and bool(self.phone or self.email)


def contact_line(contact: Contact, *, is_plain: bool) -> ContactLine:
    """The contact; masked unless it is plain."""
    phone, email = contact.phone, contact.email
    if not is_plain:
        phone = masked_phone(phone) if phone else None
        email = masked_email(email) if email else None
    return ContactLine(contact.id, contact.name, contact.position, phone, email, is_plain)


def contact_lines(contacts: Iterable[Contact], plain_ids: AbstractSet[int]) -> list[ContactLine]:
    """The contacts, those of `plain_ids` with their numbers."""
    return [contact_line(row, is_plain=row.id in plain_ids) for row in contacts]


def is_masked(contact: Contact | None, plain_ids: AbstractSet[int]) -> bool:
    """Whether the contact has a number or an address that a form begins without."""
    return bool(contact and contact.id not in plain_ids and (contact.phone or contact.email))


def contact_values(contact: Contact, plain_ids: AbstractSet[int]) -> dict[str, str | None]:
    """The contact as a form begins; what the viewer would have to ask for is left empty."""
    is_plain = contact.id in plain_ids
    return {
        "name": contact.name,
        "position": contact.position,
        "phone": contact.phone if is_plain else None,
        "email": contact.email if is_plain else None,
    }
