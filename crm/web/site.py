"""What mails say of the place they come from, where a page sends them."""

from flask import current_app

from crm.base.mail import Site
from crm.settings import Settings


def site() -> Site:
    """What they say of this installation."""
    own: Settings = current_app.config["SETTINGS"]
    return Site(base_url=own.base_url, mail_from=own.mail_from, secret=own.secret_key)
