"""structlog without its coloured console, for which it loads rich: 4 MiB in every server."""

import sys

# None makes an import fail, and structlog goes without
sys.modules.setdefault("rich", None)  # type: ignore[arg-type]

import structlog  # noqa: E402 - the line above comes first

if sys.modules["rich"] is None:
    del sys.modules["rich"]

__all__ = ["structlog"]
