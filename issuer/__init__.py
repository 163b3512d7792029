"""The issuer: it provisions devices that proved possession of their key and a right to be enrolled.

An operator makes a *claim* (``issuer.claims``), which travels to a device as a credential offer.
The device redeems its code for an access token (``issuer.tokens``), proves possession of its DID
(``issuer.possession``) and is granted its credentials (``issuer.grants``), over OpenID for
Verifiable Credential Issuance 1.0 (``issuer.protocol``). Operators suspend, reinstate and revoke
devices (``issuer.inventory``); verifiers read that from status lists (``issuer.status``).

``issuer.service.Issuer`` holds what all of these need; ``issuer.app.create_app`` turns it into an
application and ``issuer.cli`` builds both.

Threat model of its directory: who can read it can issue as this issuer, rotate its DID away, read
every network secret that was handed out, open enrolment requests that were recorded, and make
access tokens, and with one take a claim that nobody has taken; but does not learn a code, of which
the hash alone is there. Who can modify it can also forge the inventory, and cannot change what was
issued before.
"""
