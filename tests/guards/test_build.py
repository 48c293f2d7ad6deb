"""What the front end's build leaves behind."""

import json
import subprocess
from pathlib import Path

import pytest

from hatch_build import INSTALLED, programs

ROOT = Path(__file__).parents[2]


def build(folder):
    node, _ = programs()
    command = [*node, "assets/build.mjs", f"--out={folder}"]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)


@pytest.mark.skipif(not INSTALLED.exists(), reason="the front end's packages are not installed")
def test_only_the_last_two_builds_files_stay(tmp_path):
    older, last = tmp_path / "app.00000000.js", tmp_path / "app.11111111.js"
    for each in (older, last, tmp_path / f"{older.name}.br", tmp_path / f"{last.name}.br"):
        each.touch()
    (tmp_path / "manifest.json").write_text(json.dumps({"app.js": last.name}))

    build(tmp_path)
    after_one = {path.name for path in tmp_path.iterdir()}
    build(tmp_path)
    after_two = {path.name for path in tmp_path.iterdir()}

    assert after_one - after_two == {last.name, f"{last.name}.br"}
    assert older.name not in after_one
    names = json.loads((tmp_path / "manifest.json").read_text()).values()
    assert {name for name in after_two if not name.endswith((".br", ".gz"))} == {
        *names,
        "manifest.json",
    }
