"""What a query selects, and what satisfies it (OpenID4VP 1.0, sections 6.4 and 7.1).

Both ends use the same rule for one credential, ``match``: the holder to ``select`` what to present,
the verifier to ``check_satisfied`` what was presented, since it cannot rely on the holder. None of
our formats discloses selectively: who presents a credential presents the whole of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from did.errors import Invalid, Refused
from did.jcs import Json, JsonObject
from did.openid4vp.dcql import ClaimsQuery, CredentialQuery, PathPart, Query
from did.vc.credential import CREDENTIALS_CONTEXT, TERMS

_EXPANDED: Final = {
    "VerifiableCredential": "https://www.w3.org/2018/credentials#VerifiableCredential",
    "VerifiablePresentation": "https://www.w3.org/2018/credentials#VerifiablePresentation",
}
_VOCABULARIES: Final = {TERMS: "https://www.w3.org/ns/credentials/undefined-term#"}
_BASES: Final = frozenset({CREDENTIALS_CONTEXT, "https://www.w3.org/2018/credentials/v1"})


@dataclass(frozen=True, slots=True)
class Candidate:
    """A credential that may answer.

    Attributes:
        name: What its holder calls it.
        format: Its credential format identifier.
        types: Its types, by each name that a query may give them.
        claims: The credential, which paths are taken from the root of.
        holder_bound: Whether its holder can prove to hold it.
        authorities: Who certified its issuer: pairs of a type and a value (section 6.1.1).
    """

    name: str
    format: str
    types: frozenset[str]
    claims: JsonObject
    holder_bound: bool = True
    authorities: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Match:
    """A credential that answers a query, by these claims of it."""

    candidate: Candidate
    claims: tuple[ClaimsQuery, ...]


@dataclass(frozen=True, slots=True)
class Pick:
    """What answers one query for a credential: one match, or several where ``multiple``."""

    query: CredentialQuery
    matches: tuple[Match, ...]


def w3c_types(document: JsonObject) -> frozenset[str]:
    """The types of a W3C credential, as written and as IRIs (appendix B.1.1).

    They are expanded without JSON-LD, which gives the same where only contexts that are known here
    define them: that of the data model, and the one that names all undefined terms.
    """
    types, contexts = _strings(document.get("type")), _strings(document.get("@context"))
    found = set(types)
    for each in types:
        if each in _EXPANDED:
            if _BASES.intersection(contexts):
                found.add(_EXPANDED[each])
        elif ":" not in each:
            found |= {_VOCABULARIES[name] + each for name in contexts if name in _VOCABULARIES}
    return frozenset(found)


def claims_at(path: Sequence[PathPart], root: Json) -> tuple[Json, ...]:
    """The claims that ``path`` points to in a JSON credential (section 7.1.1); none is an error."""
    selected: list[Json] = [root]
    for part in path:
        found: list[Json] = []
        for element in selected:
            if isinstance(part, str):
                if not isinstance(element, dict):
                    return ()
                found += [element[part]] if part in element else []
            elif not isinstance(element, list):
                return ()
            else:
                found += element if part is None else element[part : part + 1]
        selected = found
    return tuple(selected)


def match(query: CredentialQuery, candidate: Candidate) -> Match | None:
    """How ``candidate`` answers ``query``, by the first combination of claims that it has."""
    if candidate.format != query.format or (query.holder_binding and not candidate.holder_bound):
        return None
    if query.types is not None and not any(each <= candidate.types for each in query.types):
        return None
    wanted = {(each.type, value) for each in query.authorities for value in each.values}
    if wanted and not wanted & candidate.authorities:
        return None
    held = {claim for claim in query.claims if _has(claim, candidate.claims)}
    for claims in query.combinations():
        if held.issuperset(claims):
            return Match(candidate, claims)
    return None


def select(
    query: Query, candidates: Iterable[Candidate], *, optional: bool = False
) -> tuple[Pick, ...]:
    """What a holder of ``candidates`` presents, and nothing that is not asked for.

    Args:
        query: The verifier's.
        candidates: In the holder's order of preference.
        optional: Whether to answer sets of credentials that are not required, too.

    Raises:
        Refused: ``no_matching_credential``: what is required cannot be answered whole, so nothing
            is (section 6.4.2).
    """
    held = tuple(candidates)
    picks: dict[str, Pick] = {}
    for each in query.credentials:
        matches = [found for one in held if (found := match(each, one)) is not None]
        if matches:
            picks[each.id] = Pick(each, tuple(matches if each.multiple else matches[:1]))
    wanted = {each.id for each in query.credentials} if not query.sets else set()
    for each_set in query.sets:
        option = next((ids for ids in each_set.options if picks.keys() >= set(ids)), None)
        if option is None and each_set.required:
            raise _none_for(" or ".join(sorted({id_ for ids in each_set.options for id_ in ids})))
        if option is not None and (each_set.required or optional):
            wanted |= set(option)
    for id_ in sorted(wanted - picks.keys()):
        raise _none_for(id_)
    return tuple(picks[each.id] for each in query.credentials if each.id in wanted)


def check_satisfied(query: Query, presented: Mapping[str, Sequence[Candidate]]) -> None:
    """Return if what was presented is what was asked for (section 8.6).

    Args:
        query: What was asked.
        presented: By the ids of the queries for credentials, what answers each.

    Raises:
        Invalid: ``invalid_vp_token``: an answer to what was not asked, an empty one, or several
            where one is due.
        Refused: ``query_not_satisfied``.
    """
    asked = {id_ for each in query.sets for ids in each.options for id_ in ids}
    for id_, candidates in presented.items():
        one = query.credential(id_)
        if one is None or (query.sets and id_ not in asked):
            raise Invalid(
                "invalid_vp_token", "the answer has presentations that nobody asked for", value=id_
            )
        if not candidates or (len(candidates) > 1 and not one.multiple):
            raise Invalid(
                "invalid_vp_token",
                "a query for one credential is not answered by one presentation",
                value=id_,
            )
        if not all(match(one, candidate) for candidate in candidates):
            raise Refused(
                "query_not_satisfied",
                "a presented credential is not what the query of that id asks for",
                value=id_,
            )
    if query.sets:
        missing = [
            each.options[0][0]
            for each in query.sets
            if each.required and not any(presented.keys() >= set(ids) for ids in each.options)
        ]
    else:
        missing = [each.id for each in query.credentials if each.id not in presented]
    for id_ in missing:
        raise Refused("query_not_satisfied", "what was asked for is not all there", value=id_)


def _has(claim: ClaimsQuery, credential: JsonObject) -> bool:
    found = claims_at(claim.path, credential)
    if claim.values is None:
        return bool(found)
    # True is not 1 here, though Python has them equal.
    return any(
        type(each) is type(value) and each == value for each in found for value in claim.values
    )


def _strings(value: Json) -> list[str]:
    return [each for each in (value if isinstance(value, list) else [value]) if type(each) is str]


def _none_for(ids: str) -> Refused:
    return Refused(
        "no_matching_credential",
        "no stored credential is what the query asks for",
        value=ids,
    )
