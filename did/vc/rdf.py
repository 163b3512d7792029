"""Documents as RDF in its canonical form: what ``eddsa-rdfc-2022`` signs.

RDF Dataset Canonicalization 1.0, of what JSON-LD 1.1 makes of a plain document
(``did.vc.plain_json_ld``). Both are done by pyoxigraph, which is installed with ``keyborn[rdf]``;
here it is seen to that nothing was left out on the way, and that the work ends: canonicalization
tries every order of blank nodes that look alike, and a few hundred bytes can ask for years of it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from math import factorial
from typing import TYPE_CHECKING, Final

import orjson

from did.errors import Invalid
from did.jcs import JsonObject
from did.vc.plain_json_ld import read_plain

if TYPE_CHECKING:
    from pyoxigraph import Dataset

_MOST_ORDERS: Final = 50_000  # of blank nodes that are tried; some tens of milliseconds


def canonical_rdf(document: JsonObject) -> bytes:
    """``document`` as canonical N-Quads.

    Raises:
        Invalid: ``data_loss``, ``not_canonicalizable``; ``unsupported_cryptosuite``: pyoxigraph is
            not installed.
    """
    try:
        import pyoxigraph  # noqa: PLC0415 - optional, and slow to import
    except ImportError as error:
        raise Invalid(
            "unsupported_cryptosuite",
            "what verifies eddsa-rdfc-2022 is not installed",
            hint="install keyborn[rdf]; or have it secured with eddsa-jcs-2022",
        ) from error
    plain = read_plain(document)
    try:
        quads = pyoxigraph.parse(orjson.dumps(plain.document), pyoxigraph.RdfFormat.JSON_LD)
        dataset = pyoxigraph.Dataset(quads)
    except (SyntaxError, ValueError) as error:
        raise Invalid("data_loss", "the document is not JSON-LD that can be read") from error
    if len(dataset) != plain.statements:
        raise Invalid(
            "data_loss",
            "as RDF the document says less than its members do, or a thing twice",
            hint="a URL may be relative or malformed, or a value stand in a list twice",
        )
    _check_work(dataset)
    dataset.canonicalize(pyoxigraph.CanonicalizationAlgorithm.RDFC_1_0)
    text = pyoxigraph.serialize(dataset, format=pyoxigraph.RdfFormat.N_QUADS)
    assert text is not None  # it is where no place to write to is given
    lines = sorted(text.decode().split("\n")[:-1])
    return "".join(f"{line}\n" for line in lines).encode()


def _check_work(dataset: "Dataset") -> None:
    """Refuse blank nodes that look alike in too many ways.

    Alike are those with the same first-degree hash. Where such nodes are each other's neighbours,
    each order of the neighbours is tried, at every one of them: never more than the product of the
    numbers of orders over all nodes that hang together, once from each.
    """
    looks, neighbours = _blank_nodes(dataset)
    count = Counter(looks.values())
    alike = {node for node, look in looks.items() if count[look] > 1}
    orders = 0
    left = set(alike)
    while left:
        together = _reachable(left.pop(), alike, neighbours)
        left -= together
        product = len(together)
        for node in together:
            beside = Counter(looks[each] for each in neighbours[node] if each in alike)
            for number in beside.values():
                product *= factorial(min(number, 9))  # 9! is too many by itself
            if product > _MOST_ORDERS:
                break
        orders += product
        if orders > _MOST_ORDERS:
            raise Invalid(
                "not_canonicalizable",
                "too many of the document's objects without an id look alike",
                hint="give them ids; or secure it with eddsa-jcs-2022",
            )


def _blank_nodes(dataset: "Dataset") -> tuple[dict[str, str], Mapping[str, set[str]]]:
    """Each blank node's look, which tells apart what a first-degree hash does; its neighbours."""
    statements: defaultdict[str, list[str]] = defaultdict(list)
    neighbours: defaultdict[str, set[str]] = defaultdict(set)
    for quad in dataset:
        terms = [str(quad.subject), str(quad.predicate), str(quad.object), str(quad.graph_name)]
        blank = {term for term in terms if term.startswith("_:")}
        for node in blank:
            neighbours[node] |= blank - {node}
            statements[node].append(" ".join(_seen_from(node, terms)))
    return {node: "\n".join(sorted(said)) for node, said in statements.items()}, neighbours


def _seen_from(node: str, terms: Iterable[str]) -> Iterable[str]:
    for term in terms:
        if term == node:
            yield "_:a"
        else:
            yield "_:z" if term.startswith("_:") else term


def _reachable(start: str, among: set[str], neighbours: Mapping[str, set[str]]) -> set[str]:
    found, new = {start}, [start]
    while new:
        more = (neighbours[new.pop()] & among) - found
        found |= more
        new.extend(more)
    return found
