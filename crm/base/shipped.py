"""Where the files lie that are shipped beside the code.

In the source these folders are at the top; a wheel (`hatch_build.py`) has them within the package,
since names such as `templates` at the top of site-packages belong to nobody.
"""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
IN_WHEEL = PACKAGE / "shipped"
ROOT = IN_WHEEL if IN_WHEEL.is_dir() else PACKAGE.parent

MIGRATIONS = ROOT / "migrations"
SEEDS = ROOT / "seeds"
TEMPLATES = ROOT / "templates"
