import pytest
from formats import credential, presentation

from did.errors import Invalid
from did.jcs import canonicalize
from did.vc.data_urls import wrap
from did.vc.enveloping import CREDENTIAL, PRESENTATION
from did.vc.formats import Format
from did.vc.recognition import format_of, kind_of


@pytest.mark.parametrize("format_", list(Format))
def test_what_bytes_say_that_they_are(format_: Format) -> None:
    held, shown = credential(format_), presentation(format_)
    assert (kind_of(held), kind_of(shown)) == (CREDENTIAL, PRESENTATION)
    assert (format_of(held, CREDENTIAL), format_of(shown, PRESENTATION)) == (format_, format_)


@pytest.mark.parametrize("format_", list(Format)[1:])
def test_what_is_enveloped(format_: Format) -> None:
    held = canonicalize(wrap(credential(format_), format_, CREDENTIAL))
    shown = canonicalize(wrap(presentation(format_), format_, PRESENTATION))
    assert (kind_of(held), kind_of(shown)) == (CREDENTIAL, PRESENTATION)
    assert format_of(held, CREDENTIAL) is Format.LDP_VC  # JSON, whatever it holds


@pytest.mark.parametrize(
    "data",
    [b"", b"x", b"[]", b"{", b"\x84", b"\xd2\x80", b".", b"e30", b"e30.", b"\xff.", b"e30.W10."],
)
def test_what_is_nothing(data: bytes) -> None:
    with pytest.raises(Invalid):
        kind_of(data)


def test_one_type_as_text() -> None:
    assert kind_of(b'{"type":"VerifiablePresentation"}') is PRESENTATION
    assert kind_of(b'{"type":"VerifiableCredential"}') is CREDENTIAL
    assert kind_of(b"{}") is CREDENTIAL
