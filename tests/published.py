"""The published test vectors: read from ``../shared/vectors`` beside the project's root, or from
the folder that ``KEYBORN_VECTORS`` names. None of them is copied into the project."""

import json
import os
from pathlib import Path
from typing import Any, Final

import pytest

PROJECT: Final = Path(__file__).parent.parent


def folder() -> Path:
    """Where the vectors are. Skips the module that asks, where there are none."""
    named = os.environ.get("KEYBORN_VECTORS")
    place = Path(named) if named else PROJECT.parent / "shared" / "vectors"
    if not place.is_dir():
        pytest.skip(f"no published vectors: {place} is no folder", allow_module_level=True)
    return place


def vectors(name: str) -> Any:
    """The content of the JSON file ``name`` (relative to the folder)."""
    return json.loads((folder() / name).read_bytes())


def contexts() -> dict[str, Any]:
    """The published JSON-LD contexts, by their URL."""
    listed = vectors("contexts/manifest.json")
    return {entry["url"]: vectors(f"contexts/{entry['file']}") for entry in listed}
