"""Numbers and addresses as lists show them."""

import pytest

from crm.base.masking import masked_email, masked_phone, number_found_by, stands_for


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("13812345678", "138****5678"),
        ("138 1234 5678", "138 **** 5678"),
        ("0513-85921234", "0513-****1234"),
        ("0513-85921234转801", "0513-****1234转801"),
        ("13812345678/8592123", "138****5678/***2123"),
        ("95588", "****8"),
        ("", ""),
    ],
)
def test_a_number_keeps_its_beginning_and_its_last_four_digits(number, shown):
    assert masked_phone(number) == shown


def test_an_address_keeps_its_first_character_and_its_host():
    assert masked_email("zhang@example.com") == "z***@example.com"


@pytest.mark.parametrize(
    ("digits", "number"),
    [
        ("13812345678", "138 1234 5678"),
        ("8613812345678", "13812345678"),
        ("13812345678", "+86 13812345678"),
        ("5678", "13812345678"),
        ("051385921234", "0513-85921234转801"),
        ("85921234", "(0513)85921234"),
        ("85921234", "13812345678/0513-85921234"),
    ],
)
def test_a_number_is_found_by_its_shown_end_or_as_a_whole(digits, number):
    assert number_found_by(digits, number)


@pytest.mark.parametrize(
    ("digits", "number"),
    [
        ("1381", "13812345678"),
        ("45678", "13812345678"),
        ("1234567", "13812345678"),
        ("2345678", "13812345678"),
        ("3812345678", "13812345678"),
        ("95588", "95588"),
        ("5588", "95588"),
    ],
)
def test_no_other_part_of_it_finds_it_so_that_nobody_guesses_what_is_hidden(digits, number):
    assert not number_found_by(digits, number)


@pytest.mark.parametrize("value", ["13812345678", "138****5678"])
def test_a_number_as_lists_show_it_stands_for_itself(value):
    assert stands_for(value, "13812345678")
    assert not stands_for("138****5679", "13812345678")
