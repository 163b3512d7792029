"""The rule that CI skips nothing, held by running pytest inside itself."""

import os
import subprocess
import sys
from pathlib import Path

MODULES = {
    "test_calls.py": "import pytest\ndef test_it() -> None:\n    pytest.skip('no part')\n",
    "test_marked.py": "import pytest\n@pytest.mark.skipif(True, reason='no part')\n"
    "def test_it() -> None: ...\n",
    "test_fixture.py": "import pytest\n@pytest.fixture\ndef part(): pytest.skip('no part')\n"
    "def test_it(part) -> None: ...\n",
    "test_module.py": "import pytest\npytest.skip('no part', allow_module_level=True)\n",
    "test_xfail.py": "import pytest\n@pytest.mark.xfail\ndef test_it(): raise ValueError\n",
    "test_runs.py": "def test_it(): ...\n",
}
COMMAND = [sys.executable, "-m", "pytest", "-rs", "--continue-on-collection-errors"]


def run(folder: Path, required: str) -> subprocess.CompletedProcess[str]:
    for name, source in MODULES.items():
        (folder / name).write_text(source)
    here = Path(__file__).parent
    (folder / "conftest.py").write_text((here / "conftest.py").read_text())
    alone = {
        "KEYBORN_REQUIRE_ALL": required,
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONPATH": str(here),
    }
    return subprocess.run(
        COMMAND,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **alone},
        cwd=folder,
    )


def test_where_all_is_required_every_skip_is_a_failure(tmp_path: Path) -> None:
    done = run(tmp_path, "1")
    assert done.returncode == 1
    assert "1 failed, 1 passed, 1 xfailed, 3 errors" in done.stdout
    assert done.stdout.count("no part (KEYBORN_REQUIRE_ALL=1: a skip is a failure)") >= 4


def test_elsewhere_a_skip_says_what_is_missing(tmp_path: Path) -> None:
    done = run(tmp_path, "")
    assert done.returncode == 0
    assert "1 passed, 4 skipped, 1 xfailed" in done.stdout
    assert "no part" in done.stdout
