"""What forms share."""

from flask_wtf import FlaskForm
from wtforms import IntegerField


class NumberForm(FlaskForm):
    number = IntegerField()


def test_messages_of_the_form_library_are_chinese(app):
    with app.test_request_context(method="POST", data={"number": "x"}):
        form = NumberForm()
        form.validate()

    assert form.errors == {"number": ["不是有效的整数。"]}
