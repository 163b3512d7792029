from actors import DEVICE
from gatehouse import Gatehouse

from verifier.decision import Check, Outcome


def test_a_device_is_admitted_with_every_step_on_record(house: Gatehouse) -> None:
    device = house.device(DEVICE)
    credential = house.issuer.issue(DEVICE.short)
    house.wait(10)

    found = house.admit(device, credential)

    assert found.did == DEVICE.short
    assert found.key == DEVICE.key.public_key()
    assert found.issuer == house.issuer.did
    assert [step.check for step in found.decision.steps] == [
        *list(Check)[:-2],
        Check.STATUS,  # one for revocation, one for suspension
        Check.POLICY,
        Check.DEVICE,
    ]
    assert {step.outcome for step in found.decision.steps} == {Outcome.HELD}
    assert found.to_json() == {
        "did": DEVICE.short.text,
        "key": DEVICE.key.public_key().multibase,
        "issuer": house.issuer.did.text,
        "model": "thermometer",
        "owner": "Example Ltd",
        "roles": ["sensor"],
    }
