"""Numbers and addresses as lists show them."""

import pytest

from crm.base.masking import masked_email, masked_phone


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
