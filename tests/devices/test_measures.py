import pytest

from devices.measures import Failure, Gas, Report, Step, as_text, gas_of, percentile
from ledger.log import Receipt


@pytest.mark.parametrize(
    ("count", "percent", "expected"),
    [(1, 50, 1), (1, 99, 1), (2, 50, 1), (2, 90, 2), (100, 50, 50), (100, 99, 99), (101, 99, 100)],
)
def test_percentiles_are_nearest_rank(count: int, percent: int, expected: int) -> None:
    assert percentile([float(n) for n in range(1, count + 1)], percent) == expected


def test_gas_is_counted_once_a_transaction() -> None:
    receipts = [
        Receipt(1, 1, 1, "0xaa", 6000),
        Receipt(1, 1, 1, "0xaa", 6000),
        Receipt(2, 2, 2, "0xbb", 5000),
    ]
    gas = gas_of(receipts)
    assert gas == Gas(11_000, 2, 3)
    assert gas.to_json() == {"total": 11_000, "transactions": 2, "devices": 3, "perDevice": 3666.7}


def test_where_nothing_is_paid_there_is_no_gas() -> None:
    assert gas_of([]) is None
    assert gas_of([Receipt(1, 1, 1)]) is None


def test_a_step_that_nobody_did_has_no_rate() -> None:
    assert Step(resumed=3, seconds=1.0).to_json(0) == {
        "done": 0,
        "resumed": 3,
        "failed": 0,
        "seconds": 1.0,
        "perSecond": None,
        "latencyMs": None,
    }


def test_the_report_reads_well() -> None:
    report = Report(
        devices=3,
        steps={"born": Step([0.001, 0.002, 0.003], 0, 0.5), "enrolled": Step([], 2, 0.1)},
        failures=[Failure("000003", "enrolled", "token", "code_expired", "it is over")],
        gas=Gas(7692, 1, 3),
        seconds=1.25,
    )
    assert as_text(report).splitlines() == [
        "step          done  before  failed    per s  p50 / p90 / p99 ms",
        "born             3       0       0      6.0  2.0 / 3.0 / 3.0",
        "enrolled         0       2       1        -  -",
        "gas per device 2564, in 1 transactions",
        "1 failed to be enrolled: code_expired",
        "2 of 3 devices accepted in 1.2 s",
    ]
    assert report.to_json()["failures"] == [
        {
            "device": "000003",
            "step": "enrolled",
            "at": "token",
            "code": "code_expired",
            "message": "it is over",
        }
    ]
