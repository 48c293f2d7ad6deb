"""What the settings say of the installation's address and mails, for pages."""

from flask import current_app

from crm.base.mail import Site
from crm.base.mail_settings import MailSettings
from crm.settings import Settings


def site() -> Site:
    own: Settings = current_app.config["SETTINGS"]
    return Site(base_url=own.base_url, mail_from=own.mail_from, secret=own.secret_key)


def mail_settings() -> MailSettings:
    own: Settings = current_app.config["SETTINGS"]
    return own.of_mails
