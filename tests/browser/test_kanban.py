"""Cards of the board are moved with the mouse, from the keyboard and with a finger."""

import pytest
from playwright.sync_api import expect

from crm.transactions import transaction
from tests.factories import make_lead, make_person, make_unit

BOARD = "/leads/board"


@pytest.fixture
def board(served, screen):
    """The board of a recruiter with one card under follow-up."""
    with transaction(served.sessions) as db:
        bureau = make_unit(db, "招商局")
        shen = make_person(db, "shen", name="沈若川", unit=bureau)
        make_lead(db, "储存模组项目", unit=bureau, tracker=shen)
    screen.page.context.set_default_timeout(10_000)
    screen.be("shen")
    screen.open(BOARD)
    return screen


def column(page, code):
    return page.locator(f"#cards-{code}")


def middle(locator):
    box = locator.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + 30


def drag(page, card, onto):
    mouse = page.mouse
    mouse.move(*middle(card))
    mouse.down()
    mouse.move(*middle(onto), steps=12)
    mouse.up()


@pytest.mark.parametrize("screen", ["desk"], indirect=True)
def test_a_card_is_dragged_put_back_and_moved_from_the_keyboard(board):
    page = board.page
    card = page.locator(".movable")

    drag(page, card, column(page, "lead"))
    expect(page.locator("#messages")).to_contain_text("阶段只能向后移")
    drag(page, card, column(page, "negotiating"))
    expect(page.get_by_role("dialog")).to_contain_text("移到“在谈”")
    board.examine()
    page.keyboard.press("Escape")
    expect(column(page, "following").locator("li")).to_have_count(1)

    card.get_by_role("link", name="移到").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="在谈", exact=True)).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")  # 签约
    expect(page.get_by_role("dialog")).to_contain_text("协议类型")
    page.get_by_role("button", name="登记").click()
    expect(page.get_by_role("dialog")).to_contain_text("请选择协议类型")
    page.get_by_text("正式投资协议", exact=True).click()
    page.get_by_role("button", name="登记").click()

    moved = column(page, "signed").get_by_role("link", name="储存模组项目")
    expect(moved).to_be_focused()
    expect(page.locator("#moved")).to_have_text("“储存模组项目”已移到“签约”。")
    expect(page.locator("#head-following b")).to_have_text("0")
    page.get_by_role("button", name="撤销").click()
    expect(column(page, "following").locator("li")).to_have_count(1)


@pytest.mark.parametrize("screen", ["phone"], indirect=True)
def test_a_finger_that_rests_on_a_card_drags_it(board):
    page = board.page
    finger = page.context.new_cdp_session(page)
    finger.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
    page.locator("#column-following").evaluate("it => it.scrollIntoView({behavior: 'instant'})")
    onto = column(page, "negotiating")
    expect(onto).to_be_in_viewport()
    x, y = middle(page.locator(".movable"))

    def touch(kind, *points):
        at = [{"x": x, "y": y} for x, y in points]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

    touch("touchStart", (x, y))
    expect(page.locator(".sortable-chosen")).to_be_visible()
    while "dragging" not in page.locator(".kanban").get_attribute("class"):
        x += 4
        touch("touchMove", (x, y))
    while not onto.locator(".movable").count():
        x = min(x + 20, 375)
        touch("touchMove", (x, y))
    touch("touchEnd")

    expect(page.get_by_role("dialog")).to_contain_text("移到“在谈”")
    page.get_by_role("link", name="取消").click()
    expect(column(page, "following").locator("li")).to_have_count(1)
