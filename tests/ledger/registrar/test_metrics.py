"""What is measured of a registrar, read as Prometheus reads it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from actors import DEVICE, NOW, STRANGER
from pages import DOCS
from prometheus_client.parser import text_string_to_metric_families
from registrar_support import EAGER, Site, create
from serving import serving

from did.errors import Unavailable
from keyborn.polling import poll
from keyborn.watching import render
from ledger.app import create_app
from ledger.log import Receipt
from ledger.registrar.dispatch import Batching
from ledger.registrar.metrics import Readings, collect
from ledger.registrar.outbox_tables import Passage


def samples(text: str) -> dict[str, float]:
    """Each sample by its name, and its label's value if it has one."""
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def measured(site: Site) -> dict[str, float]:
    return samples(render(lambda: collect(site.registrar.readings())).decode())


def test_a_new_registrar_has_nothing_to_tell(site: Site) -> None:
    values = measured(site)
    assert values.pop("keyborn_registrar_queue_limit") == 100_000
    assert not any(values.values())
    assert {name for name in values if name.startswith("keyborn_registrar_operations")} == {
        f"keyborn_registrar_operations {state}"
        for state in ("queued", "sent", "on_log", "finalized", "void")
    }
    assert not any(name.startswith("keyborn_log") for name in values)


def test_operations_are_counted_by_state_and_the_oldest_has_an_age(
    make_site: Callable[[Batching], Site],
) -> None:
    site = make_site(replace(EAGER, delay=3600.0, queue=7))
    site.registrar.submit(create(DEVICE))
    site.clock.move(90)
    site.registrar.submit(create(STRANGER))
    values = measured(site)
    assert values["keyborn_registrar_operations queued"] == 2
    assert values["keyborn_registrar_oldest_queued_seconds"] == 90
    assert values["keyborn_registrar_queue_limit"] == 7
    site.clock.move(3600)
    site.settle()
    values = measured(site)
    assert values["keyborn_registrar_operations queued"] == 0
    assert values["keyborn_registrar_operations finalized"] == 2
    assert values["keyborn_registrar_oldest_queued_seconds"] == 0
    assert values["keyborn_registrar_submissions settled"] == 1
    assert {values[f"keyborn_log_sequence {of}"] for of in ("latest", "safe", "finalized")} == {1}
    assert values["keyborn_log_head_timestamp_seconds latest"] >= NOW.timestamp()


def test_what_was_paid_is_added_up_and_taken_back(site: Site) -> None:
    for each in (DEVICE, STRANGER):
        site.registrar.submit(create(each))
        site.registrar.round()
    for submission, gas in zip(site.outbox.unsettled(), (10**6, 10**7), strict=True):
        receipt = Receipt(1, 1, 1, "0x" + "00" * 32, gas, 9 * 10**11)
        site.outbox.follow(submission, Passage.SETTLED, receipt, {}, NOW)
    values = measured(site)
    assert values["keyborn_registrar_gas_used"] == 11 * 10**6
    assert values["keyborn_registrar_fees_paid_wei"] == 9.9e18  # beyond an integer of SQLite
    site.outbox.bury(submission, {})
    assert measured(site)["keyborn_registrar_gas_used"] == 10**6


def test_replacements_are_counted(site: Site) -> None:
    site.registrar.submit(create(DEVICE))
    site.registrar.round()
    (submission,) = site.outbox.unsettled()
    for _ in range(2):
        site.outbox.replace(submission, b"another", NOW + timedelta(minutes=1))
    assert measured(site)["keyborn_registrar_replacements_total"] == 2


def test_rounds_that_fail_are_counted_by_code(site: Site) -> None:
    now = site.registrar.readings()
    told = replace(
        now, failures={"ledger_too_dear": 3}, last_failure=("ledger_too_dear", NOW), works=True
    )
    values = samples(render(lambda: collect(told)).decode())
    assert values["keyborn_registrar_up"] == 1
    assert values["keyborn_registrar_failed_rounds_total ledger_too_dear"] == 3
    moment = values["keyborn_registrar_last_error_timestamp_seconds ledger_too_dear"]
    assert moment == NOW.timestamp()


def test_it_is_served(site: Site) -> None:
    site.moody.fails["prepare"] = Unavailable("ledger_too_dear", "too dear")
    app = create_app(registrar=site.registrar, resolver=site.reader)
    with serving(app) as url:
        assert samples(httpx.get(f"{url}/metrics").text)["keyborn_registrar_up"] == 1
        site.registrar.submit(create(DEVICE))

        def failed() -> httpx.Response | None:
            answer = httpx.get(f"{url}/metrics")
            return answer if "ledger_too_dear" in answer.text else None

        answer = poll(failed, 20)
        assert answer is not None
        values = samples(answer.text)
        assert values["keyborn_registrar_up"] == 0
        assert values["keyborn_registrar_failed_rounds_total ledger_too_dear"] >= 1
        assert answer.headers["content-type"].startswith("text/plain; version=")
        assert httpx.get(f"{url}/health").json()["code"] == "ledger_too_dear"


@pytest.fixture
def told(site: Site) -> Readings:
    site.registrar.submit(create(DEVICE))
    site.settle()
    return site.registrar.readings()


def test_the_reference_names_each_metric(told: Readings) -> None:
    text = render(lambda: collect(told)).decode()
    names = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    page = (DOCS / "reference" / "http-apis.md").read_text()
    documented = {
        line.split("`")[1].partition("{")[0]
        for line in page.splitlines()
        if line.startswith(("| `keyborn_registrar_", "| `keyborn_log_"))
    }
    assert documented == names
