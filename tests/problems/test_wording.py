"""Words of a visit that tell of what holds a project up (PROJECTS 5, ENTRY 1)."""

import pytest

from crm.problems.wording import obstacle_in


@pytest.mark.parametrize(
    ("text", "words", "category"),
    [
        ("谈了设备选型，供电没落实，约了下次", "供电没落实", "utilities"),
        ("环评还没批", "环评还没批", "environment"),
        ("企业反映用工缺口较大", "企业反映用工缺口较大", "labour"),
        ("去年的奖补至今未兑现", "去年的奖补至今未兑现", "policy"),
        ("施工许可办不下来", "施工许可办不下来", "approval"),
    ],
)
def test_a_part_that_says_of_a_subject_that_it_is_not_settled_tells_of_an_obstacle(
    text, words, category
):
    found = obstacle_in(text)

    assert found is not None
    assert (found.words, found.category) == (words, category)


@pytest.mark.parametrize("text", ["", "参观了供电车间", "环评已通过", "没有见到王总", "用地已落实"])
def test_other_words_tell_of_none(text):
    assert obstacle_in(text) is None
