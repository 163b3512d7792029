"""Requests to every service, made from what it says of itself: `make fuzz-http`.

    python -m fuzz.over_http [--cases 6000] [--seed N] [--service NAME...]

Schemathesis makes them from the OpenAPI description, such as it describes and such as it does not;
others are requests that are taken, whole or with one thing changed. Whatever comes back is held to
the description: its status, its media type, its headers, its form. A 5xx is a finding, but for the
501 of resolving, which its specification has for a method that is not supported.

A seed repeats what is drawn; keys, nonces and times are fresh in each run.
"""

import json
import re
import secrets
import sys
import tempfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import hypothesis
import requests
import schemathesis
from fuzz.arguments import one_of, parser, positive
from fuzz.services import SERVICES, Request, Service
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi import checks

from did.jcs import JsonObject
from keyborn.oauth import FORM, JSON

CHECKS: Final = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
CASES: Final = 6_000  # of all services together
SHARES: Final = {"issuer": 5, "issuer, without its token": 1, "verifier": 3, "ledger": 3}
SECONDS: Final = 20  # for one answer
_SEED_BITS: Final = 31
_FEW: Final = 8  # requests to a route that takes nothing
_JWE: Final = re.compile(r"[A-Za-z0-9_-]+\.\.(?:[A-Za-z0-9_-]+\.){2}[A-Za-z0-9_-]+")
_WRONG: Final = "x" * 43
_TEXTS: Final = (
    "application/jwt",
    "application/vp+jwt",
    "application/vp+cose",
    "application/vp",
)
_VALUES: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.floats(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


@schemathesis.serializer(*_TEXTS)
def _plain(_context: Any, value: Any) -> dict[str, Any]:
    """What is no JSON to Schemathesis: text and bytes as they are."""
    if isinstance(value, bytes):
        return {"data": value}
    text = value if isinstance(value, str) else json.dumps(value)
    return {"data": text.encode("utf-8", "surrogatepass")}


@schemathesis.deserializer(
    "application/did",
    "application/did-resolution",
    "application/did-url-dereferencing",
    "application/vc",
)
def _parsed(_context: Any, response: Any) -> Any:
    """What is JSON, though its media type does not end so."""
    return response.json()


@schemathesis.deserializer("application/vc+jwt", "application/oauth-authz-req+jwt")
def _as_text(_context: Any, response: Any) -> str:
    return str(response.content.decode("ascii"))


@dataclass
class Outcome:
    """What came of the requests to one service.

    Attributes:
        statuses: By method and path, how often each status was answered.
        findings: What broke the description, each once, with how to repeat it.
    """

    statuses: dict[str, Counter[int]] = field(default_factory=dict)
    findings: dict[str, str] = field(default_factory=dict)

    @property
    def cases(self) -> int:
        """How many requests were answered."""
        return sum(count.total() for count in self.statuses.values())

    @property
    def never_taken(self) -> list[str]:
        """The routes that answered no request with success."""
        return [
            label
            for label, count in self.statuses.items()
            if not any(status < 400 for status in count)
        ]


def explore(service: Service, cases: int, seed: int) -> Outcome:
    """Put about so many requests to ``service``, and hold the answers to its description."""
    schema = schemathesis.openapi.from_dict(service.description)
    operations = [found.ok() for found in schema.get_all_operations()]
    open_ended = [each for each in operations if _takes_something(each)]
    outcome = Outcome()
    with requests.Session() as session:
        for operation in operations:
            count = -(-cases // len(open_ended)) if operation in open_ended else _FEW
            statuses = outcome.statuses.setdefault(operation.label, Counter())

            def put(sent: tuple[Any, dict[str, Any]], statuses: Counter[int] = statuses) -> None:
                _put(session, *sent, statuses, outcome.findings)

            for make in service.taken.get(operation.label, ()):
                put(_whole(operation, service, make()))
            of_route = seed ^ zlib.crc32(operation.label.encode())
            _draw(_requests(operation, service), put, count, of_route)
    return outcome


def _takes_something(operation: Any) -> bool:
    return any(operation.iter_parameters()) or bool(operation.body)


def _draw(strategy: st.SearchStrategy[Any], put: Callable[[Any], None], n: int, seed: int) -> None:
    """Draw up to ``n`` requests; none is tried again, since a service does not go back in time."""

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=n,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(sent=strategy)
    def each(sent: Any) -> None:
        put(sent)

    each()


def _put(
    session: requests.Session,
    case: Any,
    arguments: dict[str, Any],
    statuses: Counter[int],
    findings: dict[str, str],
) -> None:
    """Put one request, and note what came of it."""
    label = case.operation.label
    try:
        answer = session.request(**arguments, allow_redirects=False, timeout=SECONDS)
    except (requests.Timeout, requests.ConnectionError) as error:
        findings.setdefault(f"{label}: no answer", f"{error}{_told(arguments)}")
        return
    statuses[answer.status_code] += 1
    found = _broken(case, answer)
    if found is not None:
        key = f"{label}: {answer.status_code}, {found.splitlines()[0]}"
        findings.setdefault(key, f"{found}{_told(arguments)}\n  {answer.text[:1_000]}")


def _broken(case: Any, answer: requests.Response) -> str | None:
    """How ``answer`` is not as described, if it is not."""
    resolves = case.operation.path.startswith("/1.0/identifiers/")
    if answer.status_code >= 500 and not (answer.status_code == 501 and resolves):
        return "the service failed"
    held = CHECKS
    if answer.headers.get("content-type") == "application/jwt":
        held = CHECKS[:-1]  # which reads it as JSON
        if not _JWE.fullmatch(answer.text):
            return "no JWE"
    try:
        case.validate_response(answer, checks=held)
    except FailureGroup as failures:
        return "\n".join(f"{each.title}: {each.message}" for each in failures.exceptions)
    return None


def broken(description: dict[str, Any], label: str, answer: Any) -> str | None:
    """How an answer of the route ``label`` (method and path) is not as described, if it is not.

    What comes of a service's own trouble, which no request brings about, is held so.
    """
    schema = schemathesis.openapi.from_dict(description)
    method, path = label.split(" ")
    operation: Any = schema[path][method]
    names = {each.name: "x" for each in operation.path_parameters}
    try:
        operation.Case(path_parameters=names).validate_response(answer, checks=CHECKS)
    except FailureGroup as failures:
        return "\n".join(f"{each.title}: {each.message}" for each in failures.exceptions)
    return None


def _told(arguments: Mapping[str, Any]) -> str:
    return "".join(
        f"\n  {name}: {str(value)[:2_000]}" for name, value in arguments.items() if value
    )


def _requests(operation: Any, service: Service) -> st.SearchStrategy[Any]:
    """A case, and what is sent for it."""
    described = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    modes = [described, described]
    if _takes_something(operation):
        modes.append(operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))
    makers = service.taken.get(operation.label, ())

    @st.composite
    def drawn(draw: Callable[..., Any]) -> tuple[Any, dict[str, Any]]:
        case = draw(st.one_of(modes))
        taken = draw(st.sampled_from(makers))() if makers and draw(st.integers(0, 2)) else Request()
        for name in case.path_parameters or {}:
            if name in taken.names:
                case.path_parameters[name] = taken.names[name]
            elif name in service.names and draw(st.booleans()):
                case.path_parameters[name] = service.names[name]()
        if taken.query or (makers and draw(st.booleans())):
            case.query = dict(taken.query)
        arguments = case.as_transport_kwargs(base_url=service.url)
        headers = {**arguments["headers"], **draw(_headers(service, taken))}
        headers = {name: value for name, value in headers.items() if value is not None}
        if taken.body is not None and draw(st.integers(0, 3)):
            arguments = {k: value for k, value in arguments.items() if k not in ("json", "files")}
            arguments["data"], headers["Content-Type"] = draw(_bodies(taken))
        return case, {**arguments, "headers": headers}

    return drawn()


def _whole(operation: Any, service: Service, taken: Request) -> tuple[Any, dict[str, Any]]:
    """A request that is taken, as it is."""
    names = {
        each.name: taken.names.get(each.name) or service.names[each.name]()
        for each in operation.path_parameters
    }
    case = operation.Case(path_parameters=names, query=dict(taken.query))
    arguments = case.as_transport_kwargs(base_url=service.url)
    headers = dict(arguments["headers"])
    token = service.token if taken.token is None else taken.token
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    if taken.body is not None:
        arguments["data"], headers["Content-Type"] = (
            _encoded(taken.body, taken.media_type),
            taken.media_type,
        )
    return case, {**arguments, "headers": headers}


@st.composite
def _headers(draw: Callable[..., Any], service: Service, taken: Request) -> dict[str, Any]:
    """What does not come from the description; None for a header that is left out."""
    own = service.token if taken.token is None else taken.token
    token = draw(st.sampled_from([own] * 6 + [_WRONG, None]))
    headers: dict[str, Any] = {"Authorization": None if token is None else f"Bearer {token}"}
    if service.accepted and draw(st.booleans()):
        headers["Accept"] = draw(st.sampled_from(service.accepted))
    return headers


@st.composite
def _bodies(draw: Callable[..., Any], taken: Request) -> tuple[bytes, str]:
    """The body of a request that is taken, or with one thing changed; and what it is said to be."""
    body = taken.body
    media_type = draw(st.sampled_from([taken.media_type] * 6 + ["text/plain", JSON, FORM]))
    at = draw(
        st.none() | st.integers(0, 65_535)
    )  # what is drawn does not depend on keys and nonces
    changed = draw(_VALUES)
    if isinstance(body, bytes):
        if at is not None:
            at %= len(body)
            body = body[:at] + str(changed).encode("utf-8", "replace") + body[at + 1 :]
        return body, media_type
    body = json.loads(json.dumps(body))
    if at is not None:
        places = [*_places(body), (body, "more")]
        holder, key = places[at % len(places)]
        holder[key] = changed
    return _encoded(body, taken.media_type), media_type


def _encoded(body: JsonObject | bytes, media_type: str) -> bytes:
    if isinstance(body, bytes):
        return body
    if media_type != FORM:
        return json.dumps(body).encode()
    fields = {
        name: value if isinstance(value, str) else json.dumps(value) for name, value in body.items()
    }
    return urlencode(fields, errors="surrogatepass").encode()


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Everything in ``value`` that can be changed, as what holds it, and its key there."""
    pairs: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        pairs = list(value.items())
    elif isinstance(value, list):
        pairs = list(enumerate(value))
    for key, inner in pairs:
        yield value, key
        yield from _places(inner)


def run(name: str, cases: int, seed: int) -> Outcome:
    """Start the service of that name, and explore it."""
    with tempfile.TemporaryDirectory() as directory, SERVICES[name](Path(directory)) as service:
        return explore(service, cases, seed)


def main() -> int:
    """Explore, and tell; the exit code says whether there were findings."""
    options = parser("Requests to every service, by its description.")
    options.add_argument("--cases", type=positive, default=CASES, help="of all services together")
    options.add_argument("--seed", type=positive, help="repeats a run")
    options.add_argument("--service", nargs="+", type=one_of(SERVICES), help="by default, each")
    given = options.parse_args()
    names = given.service or list(SERVICES)
    seed = given.seed
    if seed is None:
        seed = secrets.randbelow(2**_SEED_BITS - 1) + 1
    shares = sum(SHARES[name] for name in names)
    total, bad = 0, 0
    print(f"seed {seed}")
    print(f"{'service':<28}{'routes':>8}{'cases':>8}{'findings':>10}", flush=True)
    for name in names:
        outcome = run(name, -(-given.cases * SHARES[name] // shares), seed)
        total += outcome.cases
        bad += len(outcome.findings)
        print(
            f"{name:<28}{len(outcome.statuses):>8}{outcome.cases:>8}{len(outcome.findings):>10}",
            flush=True,
        )
        for key, told in outcome.findings.items():
            print(f"  {key}\n{told}\n", flush=True)
    print(f"{total} cases, {bad} findings")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
