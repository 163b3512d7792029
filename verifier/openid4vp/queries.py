"""What a verifier asks: the query of its policy, and which others it may be told to ask."""

from typing import Final

from did.errors import Invalid, Refused
from did.jcs import Json, JsonObject, canonicalize
from did.limits import LIMITS
from did.openid4vp.dcql import CredentialQuery, Query, parse_query
from did.openid4vp.formats import SUPPORTED
from did.vc.credential import PROVISIONING
from verifier.trust_root import Policy

_DEVICE: Final = "device"


def default_query(policy: Policy) -> Query:
    """A device's provisioning credential, in any format, with what ``policy`` asks of it.

    The values are asked for so that a device does not present what would be refused; that they
    are there is the policy's own check.
    """
    asked = ((["model"], policy.models), (["roles", None], policy.roles))
    claims: list[Json] = [
        {"path": ["credentialSubject", *path], "values": list(values)}
        for path, values in asked
        if 0 < len(values) <= LIMITS.dcql_list
    ]
    queries: list[Json] = []
    options: list[Json] = []
    for format_ in SUPPORTED:
        id_ = _DEVICE if not queries else f"{_DEVICE}-{format_.replace('+', '-')}"
        query: JsonObject = {
            "id": id_,
            "format": format_,
            "meta": {"type_values": [[PROVISIONING]]},
        }
        queries.append({**query, "claims": claims} if claims else query)
        options.append([id_])
    return parse_query({"credentials": queries, "credential_sets": [{"options": options}]})


def askable_query(value: Json) -> Query:
    """The query that ``value`` is, if this verifier can judge every answer to it.

    Raises:
        Invalid: ``invalid_dcql_query``, also for a claim that is asked for twice, or
            for too much.
        Refused: ``query_not_supported``: of credentials that nobody must prove to hold, of formats
            that are not verified here, or of authorities that the trust root does not know.
    """
    query = parse_query(value)
    if len(canonicalize(query.document)) > LIMITS.dcql_asked:
        raise Invalid(
            "invalid_dcql_query",
            f"a query to be asked here has at most {LIMITS.dcql_asked} bytes",
            hint="ask for less at once",
        )
    for each in query.credentials:
        _check_askable(each)
    return query


def _check_askable(query: CredentialQuery) -> None:
    paths = [claim.path for claim in query.claims]
    if len(set(paths)) != len(paths):
        raise Invalid(
            "invalid_dcql_query", "a query points to the same claim more than once", value=query.id
        )
    if query.format not in SUPPORTED:
        raise _not_supported(
            query,
            "asks for a format that is not verified here",
            hint=f"ask for one of {', '.join(SUPPORTED)}",
        )
    if not query.holder_binding:
        raise _not_supported(
            query,
            "does without proof of who holds the credential, and a copy admits nobody",
            hint="leave require_cryptographic_holder_binding out",
        )
    if query.authorities:
        raise _not_supported(
            query,
            "names trusted authorities, and whom to believe stands in the trust root",
            hint="leave trusted_authorities out; an issuer can be asked for as a claim's value",
        )


def _not_supported(query: CredentialQuery, problem: str, *, hint: str) -> Refused:
    return Refused("query_not_supported", f"a query {problem}", value=query.id, hint=hint)
