"""Attachments on the page of a lead: who sees, adds and downloads them (PROJECTS 0)."""

import pytest
from sqlalchemy import func, select

from crm.cli.request_worker import UPLOAD
from crm.files.checks import LARGEST
from crm.files.models import StoredFile
from crm.leads.models import LeadFile
from crm.leads.rules import Secrecy
from crm.web.files.limits import LARGEST_REQUEST_MEGABYTES, UPLOADS
from tests.factories import arranged, make_lead, make_person, make_unit, sign_in
from tests.files import samples
from tests.web.files.sending import upload


@pytest.fixture
def leads(app):
    with arranged(app) as db:
        bureau = make_unit(db, "招商局")
        tracker = make_person(db, "tracker", unit=bureau)
        make_person(db, "stranger")
        return {
            secrecy: make_lead(
                db, f"{secrecy.label}项目", secrecy=secrecy, unit=bureau, tracker=tracker
            ).id
            for secrecy in Secrecy
        }


@pytest.fixture
def path(leads):
    return f"/leads/{leads[Secrecy.OPEN]}/files"


@pytest.fixture
def tracker(app, leads):
    return sign_in(app, "tracker")


@pytest.fixture
def stranger(app, leads):
    return sign_in(app, "stranger")


def text_of(answer):
    return answer.get_data(as_text=True)


def rows_of(app, what):
    with arranged(app) as db:
        return db.scalar(select(func.count()).select_from(what))


def test_files_are_added_listed_and_downloaded(tracker, path):
    photo = samples.picture()
    answer = upload(tracker, path, ("合同.pdf", samples.pdf()), ("现场.jpg", photo))
    page = text_of(tracker.get(path.removesuffix("/files")))
    file = tracker.get(f"{path}/1", buffered=True)

    assert answer.status_code == 302
    assert "已添加 2 份佐证材料。" in page
    assert "合同.pdf" in page
    assert file.data.startswith(b"%PDF-")
    assert file.headers["X-Content-Type-Options"] == "nosniff"
    assert file.headers["Content-Disposition"].startswith("attachment; ")
    assert "filename*=UTF-8''%E5%90%88%E5%90%8C.pdf" in file.headers["Content-Disposition"]
    assert "default-src 'none'" in file.headers["Content-Security-Policy"]
    assert "sandbox" in file.headers["Content-Security-Policy"]
    assert file.mimetype == "application/pdf"


def test_the_form_says_that_state_secrets_may_not_be_uploaded(tracker, path):
    pages = [tracker.get(path), tracker.get(path.removesuffix("/files"))]

    assert all("不得上传涉及国家秘密的材料" in text_of(page) for page in pages)


def test_what_was_added_stands_in_the_timeline_of_the_lead(tracker, path):
    upload(tracker, path, ("合同.pdf", samples.pdf()), ("现场.jpg", samples.picture()))

    timeline = text_of(tracker.get(path.removesuffix("/files"))).split('id="timeline"')[1]

    assert "添加佐证材料 2 份" in timeline
    assert f'<a href="{path}/1">合同.pdf</a><a href="{path}/2">现场.jpg</a>' in timeline


def test_a_newer_version_leaves_the_older_crossed_out(tracker, path):
    upload(tracker, path, ("第一版.pdf", samples.pdf(text="1")))
    upload(tracker, path, ("第二版.pdf", samples.pdf(text="2")), supersedes="1")

    page = text_of(tracker.get(path))
    assert "<del>第一版.pdf</del>" in page
    assert page.index("第二版.pdf") < page.index("第一版.pdf")


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        (("图.jpg", b"<svg xmlns='http://www.w3.org/2000/svg'/>"), "“图.jpg”：内容不属于"),
        (("大.pdf", b"%PDF-" + bytes(LARGEST + 1024**2)), "“大.pdf”：文件超过 20 MB"),
        (("半.jpg", samples.picture(size=(400, 200))[:900]), "“半.jpg”：文件不完整"),
        (("两个.pdf", samples.pdf() + samples.package("a")), "“两个.pdf”：文件中夹带"),
        (("锁.pdf", samples.pdf(password="x")), "“锁.pdf”：文件设有打开密码"),
        (("宏.docx", samples.docx("word/vbaProject.bin")), "“宏.docx”：文件含有宏"),
        (("巨.png", samples.huge_png(30_000, 30_000)), "图片尺寸 30000×30000 过大"),
        (("a\u202efdp.exe", samples.pdf()), "文件名含有不可见字符"),
        (("../a.pdf", samples.pdf()), "文件名不能含有"),
    ],
)
def test_what_may_not_be_kept_gets_its_sentence_at_the_field(app, tracker, path, sent, sentence):
    answer = upload(tracker, path, ("好.pdf", samples.pdf()), sent)

    field_error = text_of(answer).split('class="field-error"', 1)[1].split("</div>", 1)[0]
    assert answer.status_code == 422
    assert sentence in field_error
    assert "\u202e" not in text_of(answer)
    # what can be kept is: a browser does not give chosen files back
    assert "已添加 1 份佐证材料。" in text_of(answer)
    assert rows_of(app, LeadFile) == rows_of(app, StoredFile) == 1


def test_a_request_that_is_too_large_leads_back_to_the_field(app, tracker, path):
    answer = upload(tracker, path, ("大.pdf", bytes(LARGEST_REQUEST_MEGABYTES * 1024**2)))
    page = text_of(tracker.get(answer.location))

    assert answer.status_code == 303
    assert "本次上传超过 60 MB" in page.split('class="field-error"', 1)[1]


def test_the_server_reads_every_route_with_files_as_an_upload(app):
    routes = [rule for rule in app.url_map.iter_rules() if rule.endpoint in UPLOADS]
    paths = [
        rule.build({**dict.fromkeys(rule.arguments, 1), "kind": "signed"})[1] for rule in routes
    ]

    assert [path for path in paths if not UPLOAD.match(f"POST {path} HTTP/1.1".encode())] == []


def test_other_pages_take_no_large_request(tracker):
    assert tracker.post("/visits/new", data={"note": "x" * 3 * 1024**2}).status_code == 413


def test_without_a_file_the_field_says_so(tracker, path):
    assert "请选择文件。" in text_of(tracker.post(path, data={}))


def test_somebody_who_sees_the_lead_reads_but_adds_nothing(app, tracker, stranger, path):
    upload(tracker, path, ("合同.pdf", samples.pdf()))

    assert stranger.get(f"{path}/1", buffered=True).status_code == 200
    assert "合同.pdf" in text_of(stranger.get(path))
    assert 'type="file"' not in text_of(stranger.get(path))
    assert upload(stranger, path, ("a.pdf", samples.pdf(text="b"))).status_code == 404
    assert rows_of(app, LeadFile) == 1


@pytest.mark.parametrize("secrecy", [Secrecy.INTERNAL, Secrecy.RESTRICTED])
def test_files_of_a_hidden_lead_are_not_there(leads, tracker, stranger, secrecy):
    path = f"/leads/{leads[secrecy]}/files"
    upload(tracker, path, ("合同.pdf", samples.pdf()))

    assert tracker.get(f"{path}/1", buffered=True).status_code == 200
    assert [stranger.get(address).status_code for address in (path, f"{path}/1")] == [404, 404]


def test_a_file_is_found_through_its_own_record_only(leads, tracker, path):
    upload(tracker, path, ("合同.pdf", samples.pdf()))

    assert tracker.get(f"/leads/{leads[Secrecy.INTERNAL]}/files/1").status_code == 404


def test_who_is_not_signed_in_is_led_to_the_door(client, leads, path):
    assert "/login" in client.get(f"{path}/1").location
    assert "/login" in upload(client, path, ("a.pdf", samples.pdf())).location
