"""The rules of the data model: what credentials and presentations must look like.

Verifiable Credentials Data Model 2.0, sections 4, 5 and 11.1, for documents whose first context is
that of 2.0; and those of 1.1, sections 4 and 5, for documents with the context of 1.1. Only form is
judged here: proofs, and who the issuer is, are others' business. Nothing is fetched.
"""

from typing import Final

from did.errors import Invalid, shorten
from did.jcs import Json, JsonObject
from did.limits import LIMITS
from did.vc.contexts import ANY_TERM, V1, V2, BrokenRuleError, Terms, are_known, read_contexts
from did.vc.defined_terms import UndefinedTermError, check_terms
from did.vc.members import (
    OF_CREDENTIALS,
    OF_CREDENTIALS_1,
    OF_PRESENTATIONS,
    check_order,
    objects,
    require_type,
)

CREDENTIAL: Final = "VerifiableCredential"
PRESENTATION: Final = "VerifiablePresentation"
ENVELOPED_CREDENTIAL: Final = "EnvelopedVerifiableCredential"
ENVELOPED_PRESENTATION: Final = "EnvelopedVerifiablePresentation"
ENVELOPES: Final = frozenset({ENVELOPED_CREDENTIAL, ENVELOPED_PRESENTATION})
_TIMES_1: Final = ("issuanceDate", "expirationDate")
_OF_ENVELOPES: Final = frozenset({"@context", "id", "type"})


def check_credential(document: Json) -> None:
    """Return if the credential ``document`` is well formed; its proof is not looked at.

    Raises:
        Invalid: ``invalid_credential`` with the rule that is broken.
    """
    try:
        _check_credential(document)
    except BrokenRuleError as error:
        raise _rule_broken("invalid_credential", error) from error


def check_credential_terms(document: Json) -> None:
    """As ``check_credential``; and what it says has a meaning, at every depth.

    For what is signed, and what is verified for others: a verifier that decides for itself reads
    the members that it knows, and leaves the rest to who signed.

    Raises:
        Invalid: ``invalid_credential``; or ``undefined_terms``: no context defines a member or
            type (``did.vc.defined_terms``).
    """
    try:
        credential, terms = _check_credential(document)
        check_terms(credential, terms)
    except UndefinedTermError as error:
        raise _rule_broken("undefined_terms", error) from error
    except BrokenRuleError as error:
        raise _rule_broken("invalid_credential", error) from error


def check_presentation(document: Json) -> list[JsonObject]:
    """The ``verifiableCredential`` objects of the well-formed presentation ``document``.

    Embedded ones are checked as ``check_credential`` does, enveloped ones as ``check_envelope``
    does. Proofs are not looked at.

    Raises:
        Invalid: ``invalid_presentation``, or ``invalid_credential`` or ``invalid_envelope``, with
            the rule that is broken.
    """
    check_presentation_alone(document)
    assert isinstance(document, dict)
    value = document.get("verifiableCredential", [])
    try:
        credentials = objects("verifiableCredential", value) if value != [] else []
    except BrokenRuleError as error:
        raise _rule_broken("invalid_presentation", error) from error
    if len(credentials) > LIMITS.credentials_in_presentation:
        raise Invalid(
            "invalid_presentation",
            f"a presentation holds more than {LIMITS.credentials_in_presentation} credentials",
        )
    for credential in credentials:
        if is_envelope(credential):
            check_envelope(credential, ENVELOPED_CREDENTIAL)
        else:
            check_credential(credential)
    return credentials


def check_presentation_terms(document: Json) -> None:
    """Return if what ``document``, a presentation, says beside its credentials has a meaning.

    Raises:
        Invalid: ``invalid_presentation``; or ``undefined_terms``, as ``check_credential_terms``.
    """
    try:
        terms = _check_presentation(document)
        assert isinstance(document, dict)
        alone = {name: each for name, each in document.items() if name != "verifiableCredential"}
        check_terms(alone, terms)
    except UndefinedTermError as error:
        raise _rule_broken("undefined_terms", error) from error
    except BrokenRuleError as error:
        raise _rule_broken("invalid_presentation", error) from error


def check_presentation_alone(document: Json) -> None:
    """Return if ``document`` is a well-formed presentation but for its credentials.

    Raises:
        Invalid: ``invalid_presentation`` with the rule that is broken.
    """
    try:
        _check_presentation(document)
    except BrokenRuleError as error:
        raise _rule_broken("invalid_presentation", error) from error


def check_envelope(document: Json, kind: str) -> str:
    """The ``data:`` URL of an enveloped credential or presentation (sections 4.13.1 and 4.13.2).

    Nobody signs the object, so there is nothing in it but the envelope: one type, contexts that
    are known here and give it its meaning, and no members for whoever reads on to believe.

    Args:
        document: The object.
        kind: ``EnvelopedVerifiableCredential`` or ``EnvelopedVerifiablePresentation``.

    Raises:
        Invalid: ``invalid_envelope``.
    """
    if not isinstance(document, dict):
        raise Invalid("invalid_envelope", "an envelope is not a JSON object")
    contexts = document.get("@context")
    listed = contexts if isinstance(contexts, list) else [contexts]
    if listed[:1] != [V2] or V1 in listed or not are_known(listed):
        raise Invalid(
            "invalid_envelope",
            f"@context does not begin with {V2}, or has a context that has no place here",
            value=contexts,
        )
    if document.get("type") not in (kind, [kind]):
        raise Invalid("invalid_envelope", f"type is not {kind}", value=document.get("type"))
    url = document.get("id")
    if not isinstance(url, str) or not url.startswith("data:") or "," not in url:
        raise Invalid("invalid_envelope", "id is not a data: URL", value=url)
    if more := sorted(document.keys() - _OF_ENVELOPES):
        raise Invalid(
            "invalid_envelope",
            "an envelope has members beside @context, id and type, which nobody signed",
            value=more[0],
        )
    return url


def is_envelope(document: JsonObject) -> bool:
    """Whether ``document`` says that it envelops a credential or a presentation."""
    kind = document.get("type")
    kinds = kind if isinstance(kind, list) else [kind]
    return any(kind in kinds for kind in ENVELOPES)  # not by hash: anything may be said there


def is_version_1(document: JsonObject) -> bool:
    """Whether ``document`` begins with the context of the data model 1.1."""
    contexts = document.get("@context")
    return type(contexts) is list and bool(contexts) and contexts[0] == V1


def _rule_broken(code: str, error: BrokenRuleError) -> Invalid:
    """The rule that is broken, and by what: in the message, since answers leave values out."""
    if isinstance(error.value, str):
        return Invalid(code, f"{error.message}: {shorten(error.value)}")
    return Invalid(code, error.message, value=error.value)


def _check_credential(document: Json) -> tuple[JsonObject, Terms]:
    if not isinstance(document, dict):
        raise BrokenRuleError("a credential is not a JSON object")
    if is_version_1(document):
        return document, _check_credential_1(document)
    terms = read_contexts(document, V2)
    require_type(document, CREDENTIAL, terms)
    if "issuer" not in document or "credentialSubject" not in document:
        missing = "credentialSubject" if "issuer" in document else "issuer"
        raise BrokenRuleError(f"a credential has no {missing}")
    for name, value in document.items():
        check = OF_CREDENTIALS.get(name)
        if check is not None:
            check(name, value, terms)
        elif name in _TIMES_1 and not terms.names(name):
            # Whoever wrote it means it to end then, and 2.0 would not let it end.
            raise BrokenRuleError(
                f"{name} is a term of 1.1; 2.0 has validFrom and validUntil", value=value
            )
    if "validFrom" in document and "validUntil" in document:
        check_order(document, "validFrom", "validUntil")
    return document, terms


def _check_presentation(document: Json) -> Terms:
    if not isinstance(document, dict):
        raise BrokenRuleError("a presentation is not a JSON object")
    of_version_1 = is_version_1(document)
    terms = read_contexts(document, V1 if of_version_1 else V2)
    asked = ANY_TERM if of_version_1 else terms
    require_type(document, PRESENTATION, asked)
    for name, check in OF_PRESENTATIONS.items():
        if name in document:
            check(name, document[name], asked)
    return terms


def _check_credential_1(document: JsonObject) -> Terms:
    terms = read_contexts(document, V1)
    require_type(document, CREDENTIAL, ANY_TERM)
    for name in ("issuer", "issuanceDate", "credentialSubject"):
        if name not in document:
            raise BrokenRuleError(f"a credential has no {name}")
    for name, value in document.items():
        check = OF_CREDENTIALS_1.get(name)
        if check is not None:
            check(name, value, ANY_TERM)
    if "expirationDate" in document:
        check_order(document, "issuanceDate", "expirationDate")
    return terms
