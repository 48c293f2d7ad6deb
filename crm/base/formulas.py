"""Text that a spreadsheet may take for a formula, made harmless and back again (DESIGN 8)."""

_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
_BEFORE = "' \t\r\n\u3000"  # a spreadsheet may drop blanks; an apostrophe of ours stays ours


def neutralised(text: str) -> str:
    """The text as no spreadsheet takes for a formula: with an apostrophe before it."""
    return f"'{text}" if text.lstrip(_BEFORE).startswith(_FORMULA) else text


def plain(text: str) -> str:
    """What was neutralised as it was before."""
    return text[1:] if text.startswith("'") and neutralised(text) != text else text
