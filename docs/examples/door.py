"""A door that opens for devices. Run it beside trust.toml: uvicorn --port 8700 door:app."""

from pathlib import Path
from typing import Any

from fastapi import FastAPI

from keyborn.clock import now
from keyborn.http import RawBody, install
from verifier.opening import open_verifier

door = open_verifier(Path("trust.toml"), Path("door"), audience="http://127.0.0.1:8700")
app = FastAPI()
install(app)  # refusals are answered as problem details, with code, step and hint


@app.post("/v1/challenges", status_code=201)
def challenge() -> dict[str, Any]:
    """Ask."""
    return door.challenge(at=now()).to_json()


@app.post("/v1/presentations")
def admit(presentation: RawBody) -> dict[str, Any]:
    """Let in whoever answers, or raise."""
    device = door.admit(presentation, at=now())
    return {"device": device.to_json(), "decision": device.decision.to_json()}
