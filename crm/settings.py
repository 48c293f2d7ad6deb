"""All settings, read once from the environment (`CRM_…`); the README lists them."""

import os
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

SHORTEST_SECRET = 32


class WrongSettingsError(Exception):
    """The environment cannot be used as it is; the message says which setting and why."""


class Settings(BaseSettings):
    """What an operator decides; everything else is data or code."""

    model_config = SettingsConfigDict(env_prefix="CRM_", extra="ignore", frozen=True)

    data: Path = Field(
        Path("data"),
        description="data folder: the SQLite file and what else is kept in files",
    )
    database_url: str = Field("", description="SQLAlchemy URL; empty: SQLite in the data folder")
    secret_key: str = Field("", description="signs cookies and forms; at least 32 characters")
    base_url: str = Field(
        "http://127.0.0.1:8000",
        description="address of the application, for links in mails",
    )
    mail: str = Field(
        "mailbox",
        description="mailbox, or smtp://user:pass@host:port, smtps://…, …?starttls=1",
    )
    mail_from: str = Field("crm@localhost", description="sender of mails")
    timezone: str = Field("Asia/Shanghai", description="civil time of the zone")
    locale: str = Field("zh_Hans", description="language of pages and mails")

    @field_validator("base_url")
    @classmethod
    def _base_url_is_absolute(cls, value: str) -> str:
        if urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).netloc:
            message = "must be an absolute address such as https://crm.example.org"
            raise ValueError(message)
        return value.rstrip("/")

    @field_validator("timezone")
    @classmethod
    def _timezone_is_known(cls, value: str) -> str:
        if value not in available_timezones():
            message = "must be the name of a time zone such as Asia/Shanghai"
            raise ValueError(message)
        return value

    @field_validator("mail")
    @classmethod
    def _mail_is_known(cls, value: str) -> str:
        parts = urlsplit(value)
        if value != "mailbox" and (parts.scheme not in ("smtp", "smtps") or not parts.hostname):
            message = "must be mailbox, smtp://host:port or smtps://host:port"
            raise ValueError(message)
        return value

    @model_validator(mode="after")
    def _secret_is_long_enough(self) -> Self:
        if len(self.secret_key) < SHORTEST_SECRET:
            told = "is missing" if not self.secret_key else "is too short"
            message = (
                f"CRM_SECRET_KEY {told}: set it to at least {SHORTEST_SECRET} random characters, "
                'for example from: python -c "import secrets; print(secrets.token_urlsafe(48))"'
            )
            raise ValueError(message)
        return self

    @property
    def url(self) -> str:
        """The database's URL."""
        if self.database_url:
            return self.database_url.replace("postgresql://", "postgresql+psycopg://", 1)
        return f"sqlite:///{self.data.resolve() / 'crm.sqlite3'}"


def read_settings(**given: object) -> Settings:
    """The settings of the environment, with what is given instead; raises `WrongSettingsError`."""
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        told = [
            f"{'CRM_' + str(part['loc'][0]).upper() + ' ' if part['loc'] else ''}"
            f"{part['msg'].removeprefix('Value error, ')}"
            for part in error.errors()
        ]
        raise WrongSettingsError("; ".join(told)) from None


def environment(settings: Settings) -> dict[str, str]:
    """The settings as environment variables, for a process that is started with them."""
    own = {f"CRM_{name.upper()}": str(value) for name, value in settings.model_dump().items()}
    return {**os.environ, **own}
