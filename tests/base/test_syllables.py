"""Syllables of Chinese text beside those of the library whose dictionaries are read."""

import pytest
from pypinyin import lazy_pinyin
from pypinyin.constants import PHRASES_DICT, PINYIN_DICT

from crm.base.syllables import syllables

SOME = 50  # each fiftieth entry of the dictionaries


def test_characters_are_read_as_by_the_library():
    characters = [chr(code) for code in PINYIN_DICT][::SOME]

    assert list(map(syllables, characters)) == list(map(lazy_pinyin, characters))


def test_phrases_are_read_as_by_the_library():
    phrases = list(PHRASES_DICT)[::SOME]

    assert list(map(syllables, phrases)) == list(map(lazy_pinyin, phrases))


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("重庆银行", "chong qing yin hang"),
        ("长沙音乐厅", "chang sha yin yue ting"),
        ("绿地", "lv di"),
        ("ab科技（上海） 2号", "ab ke ji （ shang hai ） 2 hao"),
        ("㐂", "㐂"),  # without a reading
        (" ", ""),
    ],
)
def test_text_is_read_word_by_word(text, read):
    assert " ".join(syllables(text)) == read
