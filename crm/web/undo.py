"""A message of what was done, with a button that takes it back while nothing is built on it."""

from flask import flash


def flash_with_undo(text: str, undo_url: str) -> None:
    """Tell what was done; the button 「撤销」 posts to `undo_url`."""
    # the session keeps any JSON value; the macro `alert` of templates/_ui.html reads this one
    flash({"text": text, "undo_url": undo_url}, "success")  # type: ignore[arg-type]
