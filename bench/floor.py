"""The floor: the least that Flask, SQLAlchemy and Jinja do for a list, a search and a form.

It has a sign-in, and serves with the settings of `crm serve` from a database of the same kind.
`python -m bench.floor PORT WORKERS` serves what `fill` has put into FLOOR_DATABASE_URL or, without
it, into a file in the folder CRM_DATA.
"""

import os
import sys
from collections.abc import Iterable
from datetime import date
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from flask import Flask, abort, redirect, render_template, request, session
from flask.typing import ResponseReturnValue
from jinja2 import DictLoader
from sqlalchemy import create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

from crm.backup.loading import analyze
from crm.base.db import engine_options, writing
from crm.cli.serve import Server, server_options

PAGE_ROWS = 50
USERNAME = "floor"
WORKERS = 2
LAYOUT = """<!doctype html>
<html lang="zh"><head><meta charset="utf-8"><title>项目</title></head>
<body><header><a href="/">项目</a> <a href="/new">新增</a> {{ me.username }}</header>
<main>{% block main %}{% endblock %}</main></body></html>
"""
LIST = """{% extends "layout.html" %}{% block main %}
<form action="/"><input name="q" value="{{ text }}"><button>查找</button></form>
<table><tr><th>编号</th><th>项目</th><th>企业</th><th>阶段</th><th>金额</th><th>日期</th></tr>
{% for row in rows %}<tr>
  <td><a href="/projects/{{ row.id }}">{{ row.ref }}</a></td>
  <td>{{ row.title }}</td>
  <td>{{ row.company }}</td>
  <td>{{ row.stage }}</td>
  <td>{{ row.amount }}</td>
  <td>{{ row.entered_on }}</td>
</tr>{% endfor %}</table>{% endblock %}
"""
FORM = """{% extends "layout.html" %}{% block main %}
<form method="post"><input name="title" required><input name="company" required>
<button>保存</button></form>{% endblock %}
"""
LOGIN = """<form method="post"><input name="username"><input name="password" type="password">
<button>登录</button></form>
"""


class Base(DeclarativeBase):
    """The floor's own tables."""


class User(Base):
    __tablename__ = "user"

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(unique=True)
    password_hash: Mapped[str]


class Project(Base):
    __tablename__ = "project"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str]
    title: Mapped[str]
    company: Mapped[str]
    stage: Mapped[str]
    amount: Mapped[int]
    entered_on: Mapped[date] = mapped_column(index=True)


def url_in(folder: Path) -> str:
    """The address of the floor's file in the folder, which is made where it is missing."""
    file = folder.resolve() / "floor.sqlite3"
    file.touch()
    return f"sqlite:///{file}"


def sessions_of(url: str) -> sessionmaker[Session]:
    return sessionmaker(create_engine(**engine_options(url)), expire_on_commit=False)


def fill(url: str, names: Iterable[tuple[str, str]], password: str, *, on: date) -> None:
    """Make the tables, with one account and a project for each title and company."""
    sessions = sessions_of(url)
    Base.metadata.create_all(sessions.kw["bind"])
    with writing(sessions) as db:
        db.add(User(username=USERNAME, password_hash=PasswordHasher().hash(password)))
        db.add_all(_project(title, company, on) for title, company in names)
        db.flush()
        analyze(db.connection())


def _project(title: str, company: str, on: date) -> Project:
    return Project(
        ref="P-260701", title=title, company=company, stage="在谈", amount=1_000_000, entered_on=on
    )


def make_app(url: str, secret: str) -> Flask:
    app = Flask(__name__)
    app.secret_key = secret
    app.jinja_loader = DictLoader(
        {"layout.html": LAYOUT, "list.html": LIST, "form.html": FORM, "login.html": LOGIN}
    )
    sessions = sessions_of(url)

    def signed_in(db: Session) -> User:
        return db.get(User, session.get("user_id", 0)) or abort(401)

    @app.get("/")
    def listing() -> ResponseReturnValue:
        text = request.args.get("q", "")
        query = select(Project).order_by(Project.entered_on.desc(), Project.id.desc())
        if text:
            query = query.where(Project.title.contains(text, autoescape=True))
        with sessions() as db:
            me, rows = signed_in(db), db.scalars(query.limit(PAGE_ROWS)).all()
        return render_template("list.html", me=me, rows=rows, text=text)

    @app.get("/new")
    def new() -> ResponseReturnValue:
        with sessions() as db:
            return render_template("form.html", me=signed_in(db))

    @app.post("/new")
    def create() -> ResponseReturnValue:
        with writing(sessions) as db:
            signed_in(db)
            on = date(2026, 7, 1)
            db.add(_project(request.form["title"], request.form["company"], on))
        return redirect("/")

    @app.get("/login")
    def login() -> ResponseReturnValue:
        return render_template("login.html")

    @app.post("/login")
    def sign_in() -> ResponseReturnValue:
        with sessions() as db:
            user = db.scalars(select(User).filter_by(username=request.form["username"])).one()
        try:
            PasswordHasher().verify(user.password_hash, request.form["password"])
        except VerifyMismatchError:
            abort(401)
        session["user_id"] = user.id
        return redirect("/")

    return app


def main(port: int, workers: int) -> None:
    url = os.environ.get("FLOOR_DATABASE_URL") or url_in(Path(os.environ["CRM_DATA"]))
    secret = os.environ["CRM_SECRET_KEY"]
    options = server_options("127.0.0.1", port, workers=workers)
    Server(lambda: make_app(url, secret), options).run()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
