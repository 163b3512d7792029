from did.errors import Invalid
from did.next_steps import NEXT_STEPS


def test_what_to_do_is_said_where_the_raiser_does_not_know_better() -> None:
    assert Invalid("invalid_signature", "x").hint == NEXT_STEPS["invalid_signature"]
    assert Invalid("invalid_signature", "x", hint="ask Bob").hint == "ask Bob"
    assert Invalid("no_such_code", "x").hint is None
