"""Text as people type or paste it: one width, and telephone numbers."""

import pytest

from crm.base.typed_text import ScientificPhoneError, half_width, phone_number


def test_width_dashes_blanks_and_unseen_marks_come_in_one_form():
    assert half_width("\u202aＡ　１２\u00a0—\u200b３\u202c") == "A 12 -3"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("0513-85921234", "0513-85921234"),
        ("（0513）85921234", "(0513)85921234"),
        ("(0513) 8592 1234", "(0513)8592 1234"),
        ("０５１３－８５９２１２３４", "0513-85921234"),
        ("0513—85921234", "0513-85921234"),
        ("0513\u2212 85921234", "0513-85921234"),
        ("\u202d13812345678\u202c", "13812345678"),
        ("138\u00a01234\u00a05678", "138 1234 5678"),
        ("13812345678、0513-85921234", "13812345678/0513-85921234"),
        ("13812345678 / 13987654321", "13812345678/13987654321"),
        ("13812345678；13987654321", "13812345678/13987654321"),
        ("85921234分机801", "85921234转801"),
        ("+86 138 1234 5678", "+86 138 1234 5678"),
        ("13812345678.0", "13812345678"),
    ],
)
def test_a_telephone_number_is_kept_in_one_form(typed, kept):
    assert phone_number(typed) == kept
    assert phone_number(kept) == kept


@pytest.mark.parametrize("typed", ["", "--", "王经理", "13812345678王", "1" * 61])
def test_what_is_no_telephone_number_is_refused(typed):
    with pytest.raises(ValueError, match=r".*") as caught:
        phone_number(typed)
    assert not isinstance(caught.value, ScientificPhoneError)


@pytest.mark.parametrize("typed", ["1.38E+10", "1.381234567e+10", "1E10"])
def test_scientific_notation_is_named_as_such(typed):
    with pytest.raises(ScientificPhoneError):
        phone_number(typed)


@pytest.mark.parametrize("text", ["1" * 60_000, "1." * 30_000, "1" * 30_000 + ".0" * 15_000])
def test_a_text_that_is_much_longer_than_a_number_is_refused_at_once(text):
    with pytest.raises(ValueError, match=r"^1"):
        phone_number(text)
