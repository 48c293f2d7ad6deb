"""All settings, read once from the environment (`CRM_…`); docs/operation.md lists them."""

from importlib.util import find_spec
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError

from crm.base.addresses import BadAddressError, parse_address
from crm.base.db import engine_options
from crm.base.mail import Site
from crm.base.mail_settings import MailSettings
from crm.base.s3_place import SCHEME, Addressing, S3Place, bucket_and_prefix
from crm.base.server_urls import parse_url, primary_of

SHORTEST_SECRET = 32
SHORTEST_TOKEN = 16
DRIVERS = frozenset({"sqlite", "postgresql", "postgresql+psycopg"})


class WrongSettingsError(Exception):
    """A setting is missing or invalid; the message names it and says why."""


DEMO_MARK = "demo.json"  # in the data folder of a demonstration


class Settings(BaseSettings):
    """What an operator configures; everything else is data or code."""

    model_config = SettingsConfigDict(env_prefix="CRM_", extra="ignore", frozen=True)

    data: Path = Field(
        Path("data"),
        description="data folder: the SQLite file and other files",
    )
    database_url: str = Field("", description="SQLAlchemy URL; empty: SQLite in the data folder")
    database_read_url: str = Field(
        "", description="PostgreSQL replica from which boards and lists are read; empty: none"
    )
    files: str = Field(
        "",
        description="folder of attachments, or s3://bucket/prefix; empty: the folder `files` in "
        "the data folder",
    )
    s3_endpoint: str = Field("", description="address of the S3-compatible storage")
    s3_region: str = Field("us-east-1", description="region of the S3-compatible storage")
    s3_key: str = Field("", description="access key of the S3-compatible storage")
    s3_secret: str = Field("", repr=False, description="secret key of the S3-compatible storage")
    s3_addressing: Addressing = Field(
        Addressing.PATH,
        description="where the bucket's name stands: path, or virtual (in the host's name)",
    )
    secret_key: str = Field("", description="signs cookies and forms; at least 32 characters")
    base_url: str = Field(
        "http://127.0.0.1:8000",
        description="address of the application, for links in mails",
    )
    mail: str = Field(
        "mailbox",
        description="mailbox, or smtp://user:pass@host:port, smtps://…, …?starttls=1",
    )
    mail_from: str = Field("crm@localhost", description="sender of mails, also as Name <address>")
    oidc_issuer: str = Field("", description="address of the OpenID Connect provider; empty: none")
    oidc_client_id: str = Field("", description="the application's name at the provider")
    oidc_client_secret: str = Field("", repr=False, description="its secret there")
    oidc_label: str = Field("统一认证", description="what the button on the sign-in page calls it")
    oidc_claim: str = Field(
        "preferred_username", description="claim that names the account, to the letter"
    )
    proxies: int = Field(
        0,
        description="trusted reverse proxies in front: so many addresses of X-Forwarded-For and "
        "X-Forwarded-Proto are believed; 0: none, whatever a client sends",
    )
    mail_connections: int = Field(
        4, ge=1, le=50, description="connections to the mail server that one worker uses at a time"
    )
    mail_per_minute: int = Field(
        120, ge=0, description="mails that one worker hands in a minute; 0: no limit"
    )
    api_per_minute: int = Field(
        300, ge=1, description="requests a minute that one token of the API may make"
    )
    metrics_token: str = Field(
        "",
        repr=False,
        description="who sends it may read /metrics; at least 16 characters; empty: no such page",
    )
    timezone: str = Field("Asia/Shanghai", description="civil time of the zone")
    locale: str = Field(
        "zh_Hans",
        description="language of the messages that WTForms brings along; all else is Chinese",
    )

    @property
    def is_demo(self) -> bool:
        """Whether the data folder is that of a demonstration (`crm demo`)."""
        return (self.data / DEMO_MARK).exists()

    @property
    def site(self) -> Site:
        """What mails say of the installation."""
        return Site(base_url=self.base_url, mail_from=self.mail_from, secret=self.secret_key)

    @property
    def of_mails(self) -> MailSettings:
        """What is said of mails."""
        return MailSettings(
            url=self.mail,
            sender=self.mail_from,
            per_minute=self.mail_per_minute,
            connections=self.mail_connections,
            secret=self.secret_key,
        )

    @field_validator("base_url")
    @classmethod
    def _base_url_is_absolute(cls, value: str) -> str:
        if urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).netloc:
            message = "应为完整的网址，例如 https://crm.example.org"
            raise ValueError(message)
        return value.rstrip("/")

    @field_validator("oidc_issuer")
    @classmethod
    def _issuer_is_safe(cls, value: str) -> str:
        parts = urlsplit(value)
        is_local = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost")
        if value and not (parts.netloc and (parts.scheme == "https" or is_local)):
            message = "应为以 https:// 开头的网址，例如 https://sso.example.org"
            raise ValueError(message)
        return value.rstrip("/")

    @model_validator(mode="after")
    def _oidc_is_whole(self) -> Self:
        given = {
            "CRM_OIDC_CLIENT_ID": self.oidc_client_id,
            "CRM_OIDC_CLIENT_SECRET": self.oidc_client_secret,
            "CRM_OIDC_CLAIM": self.oidc_claim,
        }
        missing = "、".join(name for name, value in given.items() if not value)
        if self.oidc_issuer and missing:
            message = f"使用统一认证（CRM_OIDC_ISSUER）还需设置 {missing}"
            raise ValueError(message)
        return self

    @field_validator("proxies", mode="before")
    @classmethod
    def _proxies_are_a_digit(cls, value: object) -> object:
        if str(value) not in set("0123456789"):
            message = "应为 0 至 9 的整数：前面有几层可信的反向代理"
            raise ValueError(message)
        return value

    @field_validator("metrics_token")
    @classmethod
    def _token_is_long_enough(cls, value: str) -> str:
        if value and len(value) < SHORTEST_TOKEN:
            message = f"太短，应为至少 {SHORTEST_TOKEN} 个随机字符"
            raise ValueError(message)
        return value

    @field_validator("timezone")
    @classmethod
    def _timezone_is_known(cls, value: str) -> str:
        if value not in available_timezones():
            message = "应为时区名，例如 Asia/Shanghai"
            raise ValueError(message)
        return value

    @field_validator("mail")
    @classmethod
    def _mail_is_mailbox_or_server(cls, value: str) -> str:
        if value != "mailbox" and not _is_server(value):
            message = "应为 mailbox、smtp://主机:端口 或 smtps://主机:端口"
            raise ValueError(message)
        return value

    @field_validator("mail_from")
    @classmethod
    def _sender_is_an_address(cls, value: str) -> str:
        try:
            parse_address(value)
        except BadAddressError:
            message = f"“{value}”不能作为发件人，应为邮箱地址，例如 招商系统 <crm@example.org>"
            raise ValueError(message) from None
        return value

    @field_validator("database_url")
    @classmethod
    def _database_is_supported(cls, value: str) -> str:
        if value and not _is_database(value):
            message = "应为 postgresql://用户:密码@主机:端口/库名 或 sqlite:////路径/文件"
            raise ValueError(message)
        return value

    @field_validator("database_read_url")
    @classmethod
    def _replica_is_a_server(cls, value: str) -> str:
        if value and (value.startswith("sqlite") or not _is_database(value)):
            message = "应为备库的地址 postgresql://用户:密码@主机:端口/库名"
            raise ValueError(message)
        return value

    @model_validator(mode="after")
    def _secret_is_long_enough(self) -> Self:
        if len(self.secret_key) < SHORTEST_SECRET:
            problem = "太短" if self.secret_key else "没有设置"
            message = (
                f"CRM_SECRET_KEY {problem}：请设为至少 {SHORTEST_SECRET} 个随机字符，例如用命令："
                'python3 -c "import secrets; print(secrets.token_urlsafe(48))"'
            )
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _replica_has_a_primary(self) -> Self:
        if self.database_read_url and self.url.startswith("sqlite"):
            message = "CRM_DATABASE_READ_URL 只用于 PostgreSQL：请先设置 CRM_DATABASE_URL"
            raise ValueError(message)
        return self

    @property
    def url(self) -> str:
        if self.database_url:
            return primary_of(_with_driver(self.database_url)).render_as_string(hide_password=False)
        return f"sqlite:///{self.data.resolve() / 'crm.sqlite3'}"

    @model_validator(mode="after")
    def _s3_is_whole(self) -> Self:
        if not self.files.startswith(SCHEME):
            return self
        given = {
            "CRM_FILES 中的存储桶": bucket_and_prefix(self.files)[0],
            "CRM_S3_ENDPOINT": self.s3_endpoint,
            "CRM_S3_KEY": self.s3_key,
            "CRM_S3_SECRET": self.s3_secret,
        }
        if missing := "、".join(name for name, value in given.items() if not value):
            message = f"佐证材料存放在 S3 时还需设置 {missing}"
            raise ValueError(message)
        if urlsplit(self.s3_endpoint).scheme not in ("http", "https"):
            message = "CRM_S3_ENDPOINT 应为完整的网址，例如 https://s3.example.org"
            raise ValueError(message)
        if find_spec("botocore") is None:
            message = "佐证材料存放在 S3 需要安装 botocore：pip install 'crm[s3]'"
            raise ValueError(message)
        return self

    @property
    def files_place(self) -> Path | S3Place:
        """Where attachments lie."""
        if not self.files.startswith(SCHEME):
            return self._files_folder
        return S3Place(
            *bucket_and_prefix(self.files),
            endpoint=self.s3_endpoint,
            region=self.s3_region,
            addressing=self.s3_addressing,
            key=self.s3_key,
            secret=self.s3_secret,
        )

    @property
    def _files_folder(self) -> Path:
        return Path(self.files).resolve() if self.files else self.data.resolve() / "files"

    @property
    def urls(self) -> dict[str, str]:
        """The URLs of all databases, by the names of their engines."""
        if not self.database_read_url:
            return {"default": self.url}
        replica = _with_driver(self.database_read_url).render_as_string(hide_password=False)
        return {"default": self.url, "replica": replica}


def _is_database(url: str) -> bool:
    try:
        engine_options(url)  # reads ports and prepare_threshold, too
        return parse_url(url).drivername in DRIVERS
    except (ArgumentError, ValueError):
        return False


def _with_driver(url: str) -> URL:
    # hosts hand out this form, for which SQLAlchemy would load psycopg 2
    return parse_url(url.replace("postgresql://", "postgresql+psycopg://", 1))


def _is_server(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("smtp", "smtps") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # the port is not a number
        return False


def read_settings(**overrides: object) -> Settings:
    """The settings from the environment and the overrides; raises `WrongSettingsError`."""
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        # a validator of the whole model names no field, so its message does
        problems = [
            f"{'CRM_' + str(part['loc'][0]).upper() + ' ' if part['loc'] else ''}"
            f"{part['msg'].removeprefix('Value error, ')}"
            for part in error.errors()
        ]
        raise WrongSettingsError("；".join(problems)) from None
