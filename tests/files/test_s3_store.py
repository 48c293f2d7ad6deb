"""Files in S3-compatible storage, asked of a server in this process (PROJECTS 0)."""

from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

import pytest
from botocore.session import Session
from moto.server import ThreadedMotoServer
from sqlalchemy import select

from crm.backup.making import back_up
from crm.backup.restoring import restore
from crm.base.clock import now
from crm.base.errors import Refused
from crm.base.s3_place import Addressing, S3Place
from crm.files.s3_store import S3Store
from crm.files.service import attach, keep_file
from crm.leads.models import LeadFile
from crm.settings import WrongSettingsError, read_settings
from crm.transactions import transaction
from tests.databases import SECRET, empty_database, sessions_of
from tests.factories import arranged, make_lead, make_person, sign_in
from tests.files import samples
from tests.web.files.sending import upload

DAY = timedelta(days=1)
AWAY = "http://127.0.0.1:9"  # nothing listens there


@pytest.fixture(scope="module")
def place():
    """A bucket with something else in it."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    place = S3Place(
        "zone", "crm/", f"http://{host}:{port}", "us-east-1", Addressing.PATH, "key", "secret"
    )
    keys = {"aws_access_key_id": place.key, "aws_secret_access_key": place.secret}
    client = Session().create_client(
        "s3", region_name=place.region, endpoint_url=place.endpoint, **keys
    )
    client.create_bucket(Bucket="zone")
    client.put_object(Bucket="zone", Key=f"crm/backup/{'a' * 64}", Body=b"not ours")
    yield place
    client.close()
    server.stop()


@pytest.fixture
def store(place):
    return S3Store(place)


def test_a_bucket_keeps_files_under_their_hash(store):
    digest = store.keep(b"abc")

    assert digest == store.keep(b"abc") == sha256(b"abc").hexdigest()
    assert list(store.digests()) == [digest]
    with store.open(digest) as file:
        assert file.read() == b"abc"
    with pytest.raises(FileNotFoundError):
        store.open("b" * 64)


def test_what_was_stored_lately_is_not_swept_from_a_bucket(store):
    digest = store.keep(b"old")

    assert not store.sweep(digest, before=now() - DAY)
    assert store.sweep(digest, before=now() + DAY)
    assert digest not in set(store.digests())


@pytest.mark.parametrize("wrong", [{"endpoint": AWAY}, {"bucket": "missing"}])
def test_without_its_server_or_bucket_nothing_is_kept_or_read(place, wrong):
    store = S3Store(replace(place, **wrong))

    for ask in (lambda: store.keep(b"abc"), lambda: store.open("b" * 64), store.check):
        with pytest.raises(Refused) as refused:
            ask()
        assert refused.value.code == "files_unavailable"


def test_pages_say_that_the_storage_cannot_be_used_and_work_again_with_it(app, place, monkeypatch):
    with arranged(app) as db:
        lead = make_lead(db, tracker=make_person(db, "tracker")).id
    files, client = f"/leads/{lead}/files", sign_in(app, "tracker")
    whole = {
        "files": "s3://zone/crm",
        "s3_endpoint": place.endpoint,
        "s3_key": "k",
        "s3_secret": "s",
    }
    settings = app.config["SETTINGS"].model_copy(update={"s3_secret": "s"})

    monkeypatch.setitem(
        app.config, "SETTINGS", settings.model_copy(update=whole | {"s3_endpoint": AWAY})
    )
    refused = upload(client, files, ("合同.pdf", samples.pdf()))
    monkeypatch.setitem(app.config, "SETTINGS", settings.model_copy(update=whole))
    added = upload(client, files, ("合同.pdf", samples.pdf()))
    with arranged(app) as db:
        kept = db.scalars(select(LeadFile.id)).one()
    served = client.get(f"{files}/{kept}", buffered=True)
    monkeypatch.setitem(
        app.config, "SETTINGS", settings.model_copy(update=whole | {"s3_endpoint": AWAY})
    )
    away = client.get(f"{files}/{kept}")

    assert "“合同.pdf”：佐证材料存储暂时无法使用" in refused.text
    assert (refused.status_code, added.status_code, away.status_code) == (422, 302, 503)
    assert served.data.startswith(b"%PDF-")
    assert "暂时无法下载" in away.text


def test_a_bucket_without_its_settings_stops_the_start_with_what_is_missing():
    with pytest.raises(WrongSettingsError, match="CRM_S3_ENDPOINT、CRM_S3_KEY、CRM_S3_SECRET"):
        read_settings(secret_key=SECRET, files="s3://zone/crm")


@pytest.mark.slow_on_postgresql
def test_a_backup_takes_files_out_of_a_bucket_and_into_another(sessions, place, store, tmp_path):
    file, path = keep_file(store, name="合同.pdf", content=samples.pdf()), tmp_path / "zone.backup"
    with transaction(sessions) as db:
        person = make_person(db, "liwei")
        attach(db, LeadFile, make_lead(db).id, file=file, by=person, now=now())
    other = S3Store(replace(place, prefix="restored/"))

    made = back_up(sessions.kw["bind"], store, path, now=now())
    with empty_database("sqlite", tmp_path) as url:
        engine = sessions_of(url).kw["bind"]
        restore(engine, other, path, replaces=False, now=now())
        engine.dispose()

    assert made.lost == ()
    assert list(other.digests()) == [file.sha256]
    with other.open(file.sha256) as restored:
        assert sha256(restored.read()).hexdigest() == file.sha256
