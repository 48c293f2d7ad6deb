"""The installation's address and sender for mails that a page sends."""

from flask import current_app

from crm.base.mail import Site
from crm.settings import Settings


def site() -> Site:
    own: Settings = current_app.config["SETTINGS"]
    return Site(base_url=own.base_url, mail_from=own.mail_from, secret=own.secret_key)
