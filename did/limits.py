"""The ceilings on what is parsed here, in one place.

What arrives is bounded before that: by ``keyborn.rim`` and ``keyborn.client`` over HTTP, and by
each reader of a file.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes (characters, for ASCII text) unless a name says otherwise."""

    did: int = 256
    did_url: int = 512
    base58: int = 192
    json_bytes: int = 262_144
    json_depth: int = 16
    cbor_depth: int = 16
    batch: int = 131_072
    jwt: int = 16_384
    jwe: int = 393_216
    envelope: int = 393_216  # a signed token or message: what JSON of the limit makes, and headers
    offer: int = 8_192
    credentials_in_presentation: int = 16
    proofs: int = 8
    contexts: int = 32
    status_list_bits: int = 8 * 1_048_576
    challenge: int = 256
    request_link: int = 131_072  # a request may come in it by value
    request_object: int = 65_536
    dcql_list: int = 64  # elements of each list in a query
    dcql_asked: int = 8_192  # so that wallets that take a token of 16 KB take a request with it


LIMITS = Limits()
