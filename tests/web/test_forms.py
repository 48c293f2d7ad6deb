"""What forms share."""

import pytest
from flask_wtf import FlaskForm
from wtforms import IntegerField

from crm.web.forms import whole_number


class NumberForm(FlaskForm):
    number = IntegerField()


def test_messages_of_the_form_library_are_chinese(app):
    with app.test_request_context(method="POST", data={"number": "x"}):
        form = NumberForm()
        form.validate()

    assert form.errors == {"number": ["不是有效的整数。"]}


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("2147483647", 2147483647),
        ("2147483648", None),
        ("9" * 5000, None),
        ("٣", None),
        ("-1", None),
        ("", None),
    ],
)
def test_a_hidden_number_of_any_length_is_read_or_passed_over(text, number):
    assert whole_number(text) == number
