"""One resolver for each method, and never a second one."""

from datetime import datetime
from pathlib import Path

import pytest
from actors import DEVICE, ISSUER, LOG_ID, NOW
from web_hosts import document, web_host

from did.errors import Invalid, Refused
from did.identifier import Did
from did.resolution import Registration, Resolution, resolve_offline
from did.web_identifier import WebDid
from ledger.resolving.methods import MethodResolver
from ledger.resolving.web import WebResolver


class Log:
    """A log that holds nothing, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked: list[Did] = []

    def resolve(self, did: Did, *, at: str | datetime | None = None) -> Resolution:
        self.asked.append(did)
        resolution = Resolution(did, Registration.NO, (), LOG_ID, NOW)
        return resolution if at is None else resolution.at(at)


def test_each_method_is_answered_by_its_own(tmp_path: Path) -> None:
    log = Log()
    with web_host(tmp_path) as host:
        did = host.did()
        host.serve(did, document(did, ISSUER))
        resolver = MethodResolver(log, WebResolver(host.https()))
        assert resolver.resolve(DEVICE.short).registration is Registration.NO
        assert resolver.resolve(DEVICE.key_did) == resolve_offline(DEVICE.key_did)
        assert resolver.resolve(did).document() == document(did, ISSUER)
        with pytest.raises(Refused, match="no such version"):
            resolver.resolve(DEVICE.key_did, at="1")
        with pytest.raises(Invalid) as raised:
            resolver.resolve(did, at=NOW)
        assert raised.value.code == "feature_not_supported"
    assert log.asked == [DEVICE.short]


@pytest.mark.parametrize("did", [DEVICE.short, WebDid("issuer.example")], ids=str)
def test_what_there_is_no_resolver_for(did: Did) -> None:
    with pytest.raises(Invalid) as raised:
        MethodResolver(None).resolve(did)
    assert raised.value.code == "method_not_supported"
