"""Text that a spreadsheet may take for a formula, made harmless and restored."""

_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
# A spreadsheet may drop blanks. An apostrophe of the text itself gets a second one, so that
# unescaping takes away no more than escaping added.
_SKIPPED = "' \t\r\n\u3000"


def escape_formula(text: str) -> str:
    """The text, with an apostrophe in front where a spreadsheet might run it as a formula."""
    return f"'{text}" if text.lstrip(_SKIPPED).startswith(_FORMULA) else text


def unescape_formula(text: str) -> str:
    """The text as it was before `escape_formula`."""
    return text[1:] if text.startswith("'") and escape_formula(text) != text else text
