"""A trust root as somebody might have written it, with every field."""

from typing import Final

from actors import DEVICE, ISSUER, STRANGER

from did.vc.credential import PROVISIONING

LOG_ID: Final = "ab" * 32
KEY: Final = STRANGER.key.public_key()
STATUS: Final = "https://issuer.example/v1/status/"

WHOLE: Final = f"""
[log]
type = "embedded"
log_id = "{LOG_ID}"
head_key = "{KEY.multibase}"
url = "https://ledger.example"

[[issuers]]
did = "{ISSUER.short.text}"
types = ["{PROVISIONING}", "MaintenanceCredential"]
status = ["{STATUS}", "http://127.0.0.1:8000/"]
from = 2026-01-01T00:00:00Z
until = 2027-01-01T01:00:00+01:00
compromised_keys = ["{KEY.multibase}"]
status_issuers = ["{DEVICE.key_did.text}"]

[[issuers]]
did = "{DEVICE.key_did.text}"
types = ["X"]
status = []

[policy]
finality = "safe"
max_ledger_age = 10
max_status_age = 0
clock_skew = 5
models = ["meter"]
roles = ["sensor", "door"]
refused_messages = ["to be replaced"]
"""
