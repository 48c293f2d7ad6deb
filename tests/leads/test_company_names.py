"""The normal form of company names, by which likely duplicates are found (PROJECTS 6)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.leads.company_names import LONGEST, normal_form, parts_of, place_of
from crm.leads.credit_codes import is_credit_code

PLACES = st.sampled_from(["", "南通", "江苏省", "江苏省南通市", "上海", "广西壮族自治区"])
CORES = st.text("华天科技云海数据", min_size=4, max_size=8)
SUFFIXES = st.sampled_from(["", "有限公司", "股份有限公司", "集团有限公司", "有限责任公司"])


@pytest.mark.parametrize(
    ("name", "normal"),
    [
        ("江苏华天科技有限公司", "华天科技"),
        ("华天（南通）科技股份有限公司", "华天科技"),
        ("華天 科技集團有限公司", "华天科技"),
        ("ＡＢ 科技", "ab科技"),
        ("Siemens (China) Co., Ltd.", "siemens"),
        ("延边朝鲜族自治州山货有限公司", "山货"),
        ("南通有限公司", "南通"),  # a cut that would leave nothing is not made
        ("（香港）", "香港"),
        ("Zinc", "zinc"),
    ],
)
def test_place_brackets_blanks_and_legal_suffix_are_no_part_of_the_normal_form(name, normal):
    assert normal_form(name) == normal


@pytest.mark.parametrize("text", ["x", "ﷺ", "公司", "(", "(华", ". ", "ß"])
def test_a_text_that_is_much_longer_than_a_name_has_few_parts(text):
    normal = normal_form(text * 5_000)

    assert len(normal) <= LONGEST
    assert len(parts_of(normal)) < LONGEST**2
    assert place_of(text * 5_000) == ""


@given(PLACES, CORES, SUFFIXES)
def test_place_and_suffix_never_change_the_normal_form(place, core, suffix):
    assert normal_form(place + core + suffix) == normal_form(core)


@given(st.text("江苏南通华天科技股份有限公司集团市省（）() .AbＣ華", max_size=30))
def test_the_normal_form_of_what_was_cut_is_itself(name):
    assert normal_form(normal_form(name)) == normal_form(name)


@given(st.text("云海数据中心", min_size=4, max_size=12))
def test_the_parts_of_a_normal_form_are_all_of_four_characters_or_more(normal):
    parts = parts_of(normal)

    assert normal in parts
    assert all(len(part) >= 4 and part in normal for part in parts)


def test_the_place_is_the_one_with_which_the_name_begins():
    assert [place_of(name) for name in ("南通华天", "华天南通", "江苏省华天")] == [
        "南通",
        "",
        "江苏",
    ]


@pytest.mark.parametrize(
    ("code", "is_right"),
    [
        ("91320600MA1ABCDE19", True),
        ("91320600MA1ABCDE1X", False),  # the check digit of GB 32100
        ("91320600MA1ABCDE1", False),
        ("", False),
    ],
)
def test_a_credit_code_has_its_check_digit(code, is_right):
    assert is_credit_code(code) is is_right
