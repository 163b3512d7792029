"""Queries for credentials: the Digital Credentials Query Language (OpenID4VP 1.0, section 6).

A query is parsed here into frozen types; what it selects of a holder's credentials, and whether an
answer satisfies it, is in ``did.openid4vp.selection``. Unknown members are ignored, as section 6
has it; what is known must be as it says.

Formats of W3C credentials are constrained in ``meta`` by ``type_values``: ``ldp_vc`` and
``jwt_vc_json`` (appendix B.1), and, under private names of ours, ``vc+jwt`` and ``vc+cose``
(VC-JOSE-COSE). ``dc+sd-jwt`` has ``vct_values`` and ``mso_mdoc`` has ``doctype_value``. A query for
any other format is well formed, and nothing here matches it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NoReturn

from did.errors import Invalid
from did.jcs import Json, JsonObject
from did.limits import LIMITS

W3C_FORMATS: Final = frozenset({"ldp_vc", "jwt_vc_json", "vc+jwt", "vc+cose"})

PathPart = str | int | None
Value = str | int | bool

_CODE: Final = "invalid_dcql_query"
_ID: Final = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class ClaimsQuery:
    """One claim that is asked for (section 6.3).

    Attributes:
        path: From the credential's root: member names, array indexes, None for all elements.
        id: What ``claim_sets`` know it by.
        values: What the claim may be, if that is restricted.
    """

    path: tuple[PathPart, ...]
    id: str | None = None
    values: tuple[Value, ...] | None = None


@dataclass(frozen=True, slots=True)
class TrustedAuthority:
    """Who may have certified the issuer, in one way of saying so (section 6.1.1)."""

    type: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CredentialQuery:
    """One credential that is asked for (section 6.1).

    Attributes:
        id: What the answer and ``credential_sets`` know it by.
        format: A credential format identifier.
        types: Alternatives, each a set of types that the credential must all have; None for any.
        multiple: Whether more than one credential may answer.
        holder_binding: Whether the holder must prove that it holds the credential.
        authorities: Of which one must match, unless there is none.
        claims: What is asked of it, in the order of the query.
        claim_sets: Combinations of claims by their ids, the preferred one first.
    """

    id: str
    format: str
    types: tuple[frozenset[str], ...] | None
    multiple: bool = False
    holder_binding: bool = True
    authorities: tuple[TrustedAuthority, ...] = ()
    claims: tuple[ClaimsQuery, ...] = ()
    claim_sets: tuple[tuple[str, ...], ...] = ()

    def combinations(self) -> tuple[tuple[ClaimsQuery, ...], ...]:
        """The combinations of claims that will do, the preferred one first (section 6.4.1).

        A claim that is asked for twice counts once, as it is asked for first.
        """
        if self.claim_sets:
            by_id = {claim.id: claim for claim in self.claims}
            return tuple(tuple(by_id[id_] for id_ in ids) for ids in self.claim_sets)
        first: dict[tuple[PathPart, ...], ClaimsQuery] = {}
        for claim in self.claims:
            first.setdefault(claim.path, claim)
        return (tuple(first.values()),)


@dataclass(frozen=True, slots=True)
class CredentialSet:
    """Combinations of credentials, by the ids of their queries, of which one is asked for (6.2)."""

    options: tuple[tuple[str, ...], ...]
    required: bool = True


@dataclass(frozen=True, slots=True)
class Query:
    """A whole query.

    Attributes:
        credentials: At least one; each id once.
        sets: Which of them are needed; if there are none, all.
        document: The query as it was parsed.
    """

    credentials: tuple[CredentialQuery, ...]
    sets: tuple[CredentialSet, ...] = ()
    document: JsonObject = field(default_factory=dict, compare=False)

    def credential(self, id_: str) -> CredentialQuery | None:
        """The query for the credential of that id."""
        return next((each for each in self.credentials if each.id == id_), None)


def parse_query(value: Json) -> Query:
    """The query that a JSON value is.

    Raises:
        Invalid: ``invalid_dcql_query``; its message says where.
    """
    query = _object(value, "the query")
    credentials = tuple(
        _credential(each, f"credentials[{place}]")
        for place, each in enumerate(_list(query.get("credentials"), "credentials"))
    )
    ids = [each.id for each in credentials]
    _check_unique(ids, "credentials")
    sets: tuple[CredentialSet, ...] = ()
    if "credential_sets" in query:
        sets = tuple(
            _set(each, f"credential_sets[{place}]", known=ids)
            for place, each in enumerate(_list(query["credential_sets"], "credential_sets"))
        )
    return Query(credentials, sets, query)


def _credential(value: Json, where: str) -> CredentialQuery:
    query = _object(value, where)
    format_ = _text(query.get("format"), f"{where}.format")
    claims: tuple[ClaimsQuery, ...] = ()
    if "claims" in query:
        claims = tuple(
            _claim(each, f"{where}.claims[{place}]")
            for place, each in enumerate(_list(query["claims"], f"{where}.claims"))
        )
    named = [claim.id for claim in claims if claim.id is not None]
    _check_unique(named, f"{where}.claims")
    claim_sets: tuple[tuple[str, ...], ...] = ()
    if "claim_sets" in query:
        if len(named) != len(claims) or not claims:
            _refuse(f"{where}.claim_sets", "needs claims that each have an id")
        claim_sets = tuple(
            _references(each, f"{where}.claim_sets[{place}]", known=named, least=0)
            for place, each in enumerate(_list(query["claim_sets"], f"{where}.claim_sets"))
        )
    return CredentialQuery(
        id=_id(query.get("id"), f"{where}.id"),
        format=format_,
        types=_types(_object(query.get("meta"), f"{where}.meta"), format_, f"{where}.meta"),
        multiple=_flag(query, "multiple", where, default=False),
        holder_binding=_flag(query, "require_cryptographic_holder_binding", where, default=True),
        authorities=_authorities(query, where),
        claims=claims,
        claim_sets=claim_sets,
    )


def _types(meta: JsonObject, format_: str, where: str) -> tuple[frozenset[str], ...] | None:
    """What ``meta`` asks of the credential's type; an empty one asks nothing."""
    if not meta:
        return None
    if format_ in W3C_FORMATS:
        return tuple(
            frozenset(_texts(each, f"{where}.type_values[{place}]"))
            for place, each in enumerate(_list(meta.get("type_values"), f"{where}.type_values"))
        )
    if format_ == "dc+sd-jwt":
        values = _texts(meta.get("vct_values"), f"{where}.vct_values")
        return tuple(frozenset({each}) for each in values)
    if format_ == "mso_mdoc":
        return (frozenset({_text(meta.get("doctype_value"), f"{where}.doctype_value")}),)
    return None


def _authorities(query: JsonObject, where: str) -> tuple[TrustedAuthority, ...]:
    if "trusted_authorities" not in query:
        return ()
    where = f"{where}.trusted_authorities"
    found = []
    for place, each in enumerate(_list(query["trusted_authorities"], where)):
        here = f"{where}[{place}]"
        entry = _object(each, here)
        type_ = _text(entry.get("type"), f"{here}.type")
        found.append(TrustedAuthority(type_, _texts(entry.get("values"), f"{here}.values")))
    return tuple(found)


def _claim(value: Json, where: str) -> ClaimsQuery:
    claim = _object(value, where)
    path: list[PathPart] = []
    for place, part in enumerate(_list(claim.get("path"), f"{where}.path", most=LIMITS.json_depth)):
        if not isinstance(part, str | None) and (type(part) is not int or part < 0):
            _refuse(f"{where}.path[{place}]", "is not a string, null or an index from 0")
        path.append(part)
    values: tuple[Value, ...] | None = None
    if "values" in claim:
        given = _list(claim["values"], f"{where}.values")
        values = tuple(each for each in given if isinstance(each, str | int | bool))
        if len(values) != len(given):
            _refuse(f"{where}.values", "holds what is not a string, an integer or a boolean")
    id_ = _id(claim["id"], f"{where}.id") if "id" in claim else None
    return ClaimsQuery(tuple(path), id_, values)


def _set(value: Json, where: str, *, known: Iterable[str]) -> CredentialSet:
    entry = _object(value, where)
    options = tuple(
        _references(each, f"{where}.options[{place}]", known=known)
        for place, each in enumerate(_list(entry.get("options"), f"{where}.options"))
    )
    return CredentialSet(options, _flag(entry, "required", where, default=True))


def _references(
    value: Json, where: str, *, known: Iterable[str], least: int = 1
) -> tuple[str, ...]:
    ids = tuple(_id(each, where) for each in _list(value, where, least=least))
    for each in ids:
        if each not in known:
            _refuse(where, "names what the query does not have", each)
    return ids


def _object(value: Json, where: str) -> JsonObject:
    if not isinstance(value, dict):
        _refuse(where, "is not an object")
    return value


def _list(value: Json, where: str, *, least: int = 1, most: int = LIMITS.dcql_list) -> list[Json]:
    if not isinstance(value, list) or len(value) < least:
        _refuse(where, "is not an array" if least == 0 else "is not a non-empty array")
    if len(value) > most:
        _refuse(where, f"has more than {most} elements")
    return value


def _texts(value: Json, where: str) -> tuple[str, ...]:
    return tuple(_text(each, where) for each in _list(value, where))


def _text(value: Json, where: str) -> str:
    if not isinstance(value, str) or not value:
        _refuse(where, "is not, or holds what is not, a non-empty string")
    return value


def _id(value: Json, where: str) -> str:
    if not isinstance(value, str) or not _ID.fullmatch(value):
        _refuse(where, "is not made of letters, digits, _ and -", value)
    return value


def _flag(owner: JsonObject, name: str, where: str, *, default: bool) -> bool:
    value = owner.get(name, default)
    if not isinstance(value, bool):
        _refuse(f"{where}.{name}", "is not a boolean")
    return value


def _check_unique(ids: list[str], where: str) -> None:
    for place, each in enumerate(ids):
        if each in ids[:place]:
            _refuse(where, "has an id twice", each)


def _refuse(where: str, problem: str, value: object = None) -> NoReturn:
    raise Invalid(_CODE, f"{where} {problem}", value=value)
