"""Everything that can be done to a secured credential or presentation, one thing at a time.

A secured document is taken apart into its parts, each a JSON value: what is in its headers, its
payload, its proof. ``alterations`` gives every way to alter, remove, duplicate or move one thing
in them, with the signature left as it was: what somebody can do who has no key. See ``resigned``
for what somebody could do who has one.
"""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from actors import STRANGER
from tampering import Path, altered, edited, walk
from tampering import alterations as altered_values

from did import cose
from did.cbor import decode, encode
from did.jcs import canonicalize
from did.keys import SigningKey
from did.multibase import base64url_decode, base64url_encode, multibase_encode
from did.vc.data_integrity import hash_data
from did.vc.formats import Format

Case = tuple[str, bytes]

_NUMBER: Final = re.compile(r"-?\d+")
_IN_BYTES: Final = {("4",): "utf-8", ("15", "10"): "base64url", ("15", "7"): "utf-8"}


@dataclass(frozen=True)
class Taken:
    """A secured document, taken apart.

    Attributes:
        format: How it is secured.
        parts: By name: ``document``; or ``header`` and ``payload``; or ``protected``,
            ``unprotected`` and ``payload``.
        signature: As it stands: in base64url, or in hexadecimal; empty where it is in the document.
    """

    format: Format
    parts: Mapping[str, Any]
    signature: str = ""

    def put(self, **parts: Any) -> "Taken":
        return replace(self, parts={**self.parts, **parts})


def take(data: bytes, format_: Format) -> Taken:
    """The parts of ``data``."""
    if format_ is Format.LDP_VC:
        return Taken(format_, {"document": json.loads(data)})
    if format_ is not Format.VC_COSE:
        header, payload, signature = data.decode().split(".")
        parts = {
            "header": json.loads(base64url_decode(header)),
            "payload": json.loads(base64url_decode(payload)),
        }
        return Taken(format_, parts, signature)
    head, unprotected, content, signed = decode(data[1:], max_bytes=len(data))  # type: ignore[misc] # four
    parts = {
        "protected": _shown(decode(head, max_bytes=len(head))),
        "unprotected": _shown(unprotected),
        "payload": json.loads(content),
    }
    return Taken(format_, parts, signed.hex())


def whole(taken: Taken) -> bytes:
    """The bytes of what was taken apart."""
    parts = taken.parts
    if taken.format is Format.LDP_VC:
        return as_text(parts["document"])
    if taken.format is not Format.VC_COSE:
        texts = [base64url_encode(as_text(parts[name])) for name in ("header", "payload")]
        return ".".join([*texts, taken.signature]).encode()
    items = [
        as_cbor(parts["protected"]),
        as_cbor(parts["unprotected"]),
        encode(as_text(parts["payload"])),
        encode(bytes.fromhex(taken.signature)),
    ]
    items[0] = encode(items[0])
    return b"\xd2\x84" + b"".join(items)


def as_text(value: Any) -> bytes:
    """JSON text of a value; bytes stand for text that no value has."""
    return value if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False).encode()


def as_cbor(value: Any) -> bytes:
    """CBOR of headers as ``take`` shows them; bytes stand for CBOR that no value has."""
    return value if isinstance(value, bytes) else encode(_hidden(value, ()))


def sign(taken: Taken, key: SigningKey) -> Taken:
    """The same parts, signed anew."""
    if taken.format is Format.LDP_VC:
        document = dict(taken.parts["document"])
        proof = {name: it for name, it in document.pop("proof").items() if name != "proofValue"}
        value = multibase_encode(key.sign(hash_data(document, proof)))
        return taken.put(document={**document, "proof": {**proof, "proofValue": value}})
    data = whole(taken)
    if taken.format is not Format.VC_COSE:
        signing_input = data.rpartition(b".")[0]
        return replace(taken, signature=base64url_encode(key.sign(signing_input)))
    head = as_cbor(taken.parts["protected"])
    signed = cose.to_sign(head, as_text(taken.parts["payload"]), b"")
    return replace(taken, signature=key.sign(signed).hex())


def alterations(data: bytes, format_: Format) -> Iterator[Case]:
    """Every part altered, removed, duplicated or moved, one at a time, under the old signature."""
    taken = take(data, format_)
    for name, part in taken.parts.items():
        for what, value in altered_values(part):
            yield f"{name}: {what}", whole(taken.put(**{name: value}))
        for what, text in _doubled(name, part):
            yield f"{name}: {what}", whole(taken.put(**{name: text}))
    yield from ((what, whole(moved)) for what, moved in _moved(taken))
    yield from _signatures(data, taken)
    yield from _frames(data, taken)


def _doubled(name: str, part: Any) -> Iterator[tuple[str, bytes]]:
    """Each member twice: as it is, and with another value before or behind it."""
    if name in ("protected", "unprotected"):
        pairs = [(as_cbor_pair(key, value), key) for key, value in part.items()]
        for position, (pair, key) in enumerate(pairs):
            items = [it for it, _ in pairs]
            items.insert(position, pair)
            yield f"{key} twice", bytes([0xA0 + len(items)]) + b"".join(items)
        return
    for path, value in walk(part):
        if path and isinstance(path[-1], str):
            for what, first, second in (
                ("twice", value, value),
                ("twice, altered first", _other(value), value),
                ("twice, altered second", value, _other(value)),
            ):
                yield (
                    f"{'/'.join(map(str, path))} {what}",
                    _text_with_two(part, path, first, second),
                )


def as_cbor_pair(key: str, value: Any) -> bytes:
    """A key and its value, as they stand in a map."""
    return encode(_hidden({key: value}, ()))[1:]


def _text_with_two(value: Any, path: Path, first: Any, second: Any) -> bytes:
    mark = "\u0001"
    text = json.dumps(edited(value, path, mark), ensure_ascii=False)
    name = json.dumps(path[-1], ensure_ascii=False)
    old = f"{name}: {json.dumps(mark)}"
    assert text.count(old) == 1
    one, two = (json.dumps(it, ensure_ascii=False) for it in (first, second))
    return text.replace(old, f"{name}: {one}, {name}: {two}").encode()


def _other(value: Any) -> Any:
    if isinstance(value, dict):
        return {**value, "more": "x"}
    return [*value, "x"] if isinstance(value, list) else altered(value)


def _moved(taken: Taken) -> Iterator[tuple[str, Taken]]:
    """Each member moved to another part, into its parent's parent, or to the top of a list."""
    for name, part in taken.parts.items():
        for key, value in part.items():
            rest = {it: other for it, other in part.items() if it != key}
            for place in taken.parts.keys() - {name}:
                if key not in taken.parts[place]:
                    moved = {**taken.parts[place], key: value}
                    yield f"{name}: {key} moved to {place}", taken.put(**{name: rest, place: moved})
        for path, value in walk(part):
            if len(path) > 1 and isinstance(path[-1], str):
                without = edited(part, path, remove=True)
                upper = path[:-2] if isinstance(path[-2], str) else path[:-3]
                moved = edited(without, (*upper, path[-1]), value)
                yield f"{name}: {'/'.join(map(str, path))} moved up", taken.put(**{name: moved})
            if isinstance(value, list) and len(value) > 1:
                turned = edited(part, path, value[::-1])
                yield f"{name}: {'/'.join(map(str, path))} reversed", taken.put(**{name: turned})
    if taken.format is Format.LDP_VC:
        yield from _moved_into_proof(taken)


def _moved_into_proof(taken: Taken) -> Iterator[tuple[str, Taken]]:
    document = taken.parts["document"]
    for key in document.keys() - {"proof"} - document["proof"].keys():
        rest = {it: other for it, other in document.items() if it != key}
        moved = {**rest, "proof": {**document["proof"], key: document[key]}}
        yield f"document: {key} moved to proof", taken.put(document=moved)


def _signatures(data: bytes, taken: Taken) -> Iterator[Case]:
    """Another signature: bits flipped, halves swapped, cut, grown, S plus the group's order."""
    if taken.format is Format.LDP_VC:
        return  # its text is a value of the document, and altered as such
    is_token = taken.format is not Format.VC_COSE
    good = base64url_decode(taken.signature) if is_token else bytes.fromhex(taken.signature)
    order = 2**252 + 27742317777372353535851937790883648493
    grown = (int.from_bytes(good[32:], "little") + order).to_bytes(33, "little")
    others = {
        "zeros": bytes(64),
        "halves swapped": good[32:] + good[:32],
        "cut": good[:-1],
        "grown": good + b"\0",
        "empty": b"",
        "S plus the order": good[:32] + grown[:32],
        "a stranger's": STRANGER.key.sign(data),
    }
    for position in range(64):
        flipped = bytearray(good)
        flipped[position] ^= 1 << position % 8
        others[f"byte {position}"] = bytes(flipped)
    for what, other in others.items():
        text = base64url_encode(other) if is_token else other.hex()
        yield f"signature: {what}", whole(replace(taken, signature=text))


def _frames(data: bytes, taken: Taken) -> Iterator[Case]:
    """What is around the parts: segments, padding, tags, line ends."""
    for what, framed in {
        "cut at its end": data[:-1],
        "a byte more": data + b"\0",
        "a byte before": b"\0" + data,
        "twice": data + data,
        "nothing": b"",
    }.items():
        yield f"frame: {what}", framed
    if taken.format is Format.VC_COSE:
        for tag in (
            b"\xd1",
            b"\xd8\x62",
            b"\xd9\xd9\xf7\xd2",
            b"\xd8\x12",
            b"\xd2\xd2",
            b"\x58\xff",
        ):
            yield f"frame: tag {tag.hex()}", tag + data[1:]
        head, *rest = decode(data[1:], max_bytes=len(data))  # type: ignore[misc] # four
        for what, items in {
            "five parts": [head, *rest, b""],
            "three parts": [head, *rest[:2]],
            "signature first": [rest[2], rest[0], rest[1], head],
            "headers and payload swapped": [rest[1], rest[0], head, rest[2]],
            "payload detached": [head, rest[0], None, rest[2]],
        }.items():
            yield f"frame: {what}", data[:1] + encode(items)
    elif taken.format is not Format.LDP_VC:
        header, payload, signature = data.decode().split(".")
        for what, text in {
            "padded": f"{header}=.{payload}.{signature}",
            "a line end": f"{header}.{payload}.{signature}\n",
            "five segments": f"{header}.{payload}.{signature}..",
            "four segments": f"{header}.{payload}.{signature}.{signature}",
            "two segments": f"{header}.{payload}",
            "no signature": f"{header}.{payload}.",
            "no payload": f"{header}..{signature}",
            "header twice": f"{header}.{header}.{signature}",
            "payload as header": f"{payload}.{payload}.{signature}",
            "swapped": f"{payload}.{header}.{signature}",
            "JSON serialization": json.dumps(
                {"protected": header, "payload": payload, "signature": signature}
            ),
        }.items():
            yield f"frame: {what}", text.encode()


def _shown(value: Any, path: tuple[str, ...] = ()) -> Any:
    if isinstance(value, dict):
        return {str(key): _shown(item, (*path, str(key))) for key, item in value.items()}
    if isinstance(value, bytes):
        return base64url_encode(value) if _IN_BYTES[path] == "base64url" else value.decode()
    return value


def _hidden(value: Any, path: tuple[str, ...]) -> Any:
    if isinstance(value, dict):
        return {
            int(key) if _NUMBER.fullmatch(key) else key: _hidden(item, (*path, key))
            for key, item in value.items()
        }
    if isinstance(value, str) and path in _IN_BYTES:
        in_base64 = _IN_BYTES[path] == "base64url"
        # Leniently: what is altered is to reach those who judge it.
        padded = value + "=" * (-len(value) % 4)
        return base64.urlsafe_b64decode(padded) if in_base64 else value.encode()
    return value


def in_one_form(data: bytes) -> bytes:
    """JSON text in its canonical form, other bytes as they are: to compare what was altered."""
    try:
        return canonicalize(json.loads(data))
    except ValueError:
        return data
