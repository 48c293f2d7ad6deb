"""Pinyin, by which people search Chinese names on a keyboard."""


def initials(text: str) -> str:
    """The first letters: `李伟` is found by `lw`."""
    from pypinyin import Style, lazy_pinyin  # noqa: PLC0415 - its dictionary takes 0.6 s to load

    return "".join(lazy_pinyin(text, style=Style.FIRST_LETTER)).lower()
