"""What a password must be, by the values of a profile."""

import pytest

from crm.base.errors import Refused
from crm.people.password_rules import PasswordRules, is_common, require_acceptable


@pytest.mark.parametrize(
    "password",
    [
        *("password123", "P@ssw0rd2026", "Admin@2026!!", "ｐａｓｓｗｏｒｄ1", "passwordpassword"),
        *("Zhaoshang-2026", "nantong!@#123", "liwei_2026", "LiWei#1234567", "密码2026密码!!"),
        *(
            "13800138000",
            "aaaaaaaaaaaa",
            "1212121212ab1",
            "qwertyuiop",
            "poiuytrewq1",
            "1qaz2wsx3edc",
        ),
        *("abcdefghijkl", "1234567890!!", "woaini1314520"),
    ],
)
def test_what_everybody_tries_first_is_common(password):
    assert is_common(password, "liwei")


@pytest.mark.parametrize(
    "password",
    [
        "a long enough password",
        "the-new-password",
        "correct horse battery",
        "江海潮平两岸阔风正帆悬",
    ],
)
def test_a_phrase_is_not_common(password):
    assert not is_common(password, "liwei")


@pytest.mark.parametrize(
    ("rules", "password", "code"),
    [
        (PasswordRules(shortest=12), "elevenchars", "short_password"),
        (PasswordRules(), "LIWEIZHONGHUA", "password_is_username"),
        (PasswordRules(character_kinds=3), "only-lower-case", "password_kinds"),
        (PasswordRules(), "Password2026", "common_password"),
    ],
)
def test_each_rule_refuses_by_its_own_sentence(rules, password, code):
    with pytest.raises(Refused) as refused:
        require_acceptable(rules, "liweizhonghua", password)

    assert refused.value.code == code
