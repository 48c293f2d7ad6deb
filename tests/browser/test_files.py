"""Files are added from the page of a record, one after the other, and none is lost (PROJECTS 0)."""

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from crm.leads.models import LeadFile
from crm.transactions import transaction
from tests.browser.test_saving import lose_next_answer
from tests.factories import make_lead, make_person
from tests.files import samples

pytestmark = pytest.mark.parametrize("screen", ["phone"], indirect=True)

PDF = {"name": "合同.pdf", "mimeType": "application/pdf", "buffer": samples.pdf()}
PHOTO = {"name": "现场.jpg", "mimeType": "image/jpeg", "buffer": samples.picture()}
SVG = {"name": "图.jpg", "mimeType": "image/jpeg", "buffer": b"<svg/>"}


@pytest.fixture
def page(served, screen):
    """The page of her lead, before the recruiter Shen."""
    with transaction(served.sessions) as db:
        shen = make_person(db, "shen", name="沈若川")
        make_lead(db, "封装测试项目", tracker=shen)
    screen.be("shen")
    screen.page.goto(f"{screen.url}/leads/1")
    screen.page.get_by_text("添加佐证材料").click()
    return screen.page


def send(page, *files):
    page.get_by_label("选择文件").set_input_files(list(files))
    page.get_by_role("button", name="上传", exact=True).click()


def names(served):
    with served.sessions() as db:
        return db.scalars(select(LeadFile.name).order_by(LeadFile.id)).all()


def test_several_files_are_added_and_what_is_refused_says_why(served, screen, page):
    send(page, PDF, SVG, PHOTO)

    expect(page.locator(".field-error")).to_contain_text("“图.jpg”：内容不属于")
    expect(page.locator(".file-list")).to_contain_text("现场.jpg")
    expect(page.locator(".alert-success")).to_have_count(1)
    assert names(served) == ["合同.pdf", "现场.jpg"]
    screen.examine()


def test_a_file_whose_answer_is_lost_is_added_once(served, screen, page):
    lost = lose_next_answer(page, "*/leads/1/files")
    send(page, PDF)
    expect(page.locator(".field-error")).to_contain_text("未连上，请再按一次上传")

    page.get_by_role("button", name="上传", exact=True).click()

    page.wait_for_url("**/leads/1#files")
    assert lost == [201]
    expect(page.locator(".file-list")).to_contain_text("合同.pdf")
    assert names(served) == ["合同.pdf"]
