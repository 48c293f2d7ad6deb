"""Names folded for comparison, and read as pinyin."""

import pytest

from crm.base.names import (
    folded,
    person_pinyin,
    person_search_text,
    pinyin,
    search_text,
    spellings,
)


@pytest.mark.parametrize(
    "typed", ["张伟", "张　伟", " 张 伟 ", "張偉", "張\u00a0偉", "\u200b张伟\u200b"]
)
def test_a_name_is_the_same_however_it_is_typed(typed):
    assert folded(typed) == "张伟"


@pytest.mark.parametrize("typed", ["ABC Tech", "ａｂｃ　ｔｅｃｈ", "abctech"])
def test_letters_are_the_same_in_either_width_and_case(typed):
    assert folded(typed) == "abctech"


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("曾国", "zeng guo"),
        ("仇英", "qiu ying"),
        ("解缙", "xie jin"),
        ("单雄", "shan xiong"),
        ("区明", "ou ming"),
        ("查良", "zha liang"),
        ("朴正", "piao zheng"),
        ("盖文", "ge wen"),
        ("尉迟恭", "yu chi gong"),
        ("万俟雪", "mo qi xue"),
        ("欧阳锋", "ou yang feng"),
        ("曾", "ceng"),
        ("乐乐", "le le"),
        ("Smith", "smith"),
    ],
)
def test_a_surname_is_read_as_a_surname(name, read):
    assert person_pinyin(name) == read


def test_a_company_is_not_read_as_a_person():
    assert pinyin("单晶科技") == "dan jing ke ji"


def test_a_person_is_found_in_either_script_by_pinyin_and_by_initials():
    assert person_search_text("张龙").split() == ["张龙", "張龍", "zhanglong", "zl"]


def test_a_surname_of_several_readings_is_found_by_each():
    assert {"diwei", "dw", "zhaiwei", "zw"} <= set(person_search_text("翟伟").split())


def test_a_title_is_found_by_its_folded_form_pinyin_and_initials():
    assert search_text("数据 中心Ａ").split() == ["数据中心a", "shujuzhongxina", "sjzxa"]


def test_words_are_searched_as_typed_and_as_they_are_usually_written():
    assert spellings("張總") == {"張總", "张总"}
