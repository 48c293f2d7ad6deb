"""What the settings say of the installation's address and mails, for pages."""

from flask import current_app

from crm.base.mail import Site
from crm.base.mail_settings import MailSettings
from crm.settings import Settings


def site() -> Site:
    own: Settings = current_app.config["SETTINGS"]
    return own.site


def is_demo() -> bool:
    """Whether the data are those of a demonstration."""
    own: Settings = current_app.config["SETTINGS"]
    return own.is_demo


def mail_settings() -> MailSettings:
    own: Settings = current_app.config["SETTINGS"]
    return own.of_mails
