"""The usual case of a credential: every step holds, and what it needs is known already.

Most of what ``verifier.credentials`` looks at is not the credential's own: whether its issuer is
trusted and for what, which key that had when, whether its status lists count. As of one moment of
the log, that is known from a credential before it (``verifier.known_issuers``). What is the
credential's own is left, and each step is taken here too: as a comparison, or a look at one bit of
a list. The signature is checked, every time.

Here nothing is refused, and nothing looked up elsewhere. Where a comparison does not come out, or
something is not known, the answer is None, and ``verifier.credentials`` judges from the beginning;
it alone says no. What is accepted here, it accepts too, with the same record:
``tests/properties/test_usual_case.py`` (docs/adr/0029).
"""

from datetime import datetime, timedelta
from typing import Final

from did.errors import KeybornError
from did.vc.credential import Credential
from verifier.credentials import ANY_CREDENTIAL, check_policy
from verifier.decision import Decision
from verifier.known_issuers import KnownIssuers
from verifier.trust_root import TrustRoot
from verifier.usual_record import UsualRecord

_TYPES: Final = 2  # that every credential has, and its own


class UsualCase:
    """Decides on credentials that nobody presents, by one trust root and what is known."""

    def __init__(self, trust_root: TrustRoot, known: KnownIssuers) -> None:
        self._known = known
        self._policy = trust_root.policy
        self._skew: timedelta = trust_root.policy.clock_skew
        self._digest = trust_root.digest
        self._log_id = trust_root.log_id
        self._log_id_text = trust_root.log_id.hex()

    def decide(self, credential: Credential, at: datetime) -> Decision | None:
        """Steps 1 and 6.1 to 6.9 without 6.7, if all of them hold and all that they need is known.

        Args:
            credential: As ``did.vc.formats.read_credential`` has read it, which is step 1.
            at: The moment of the decision.
        """
        proof, types, subjects = credential.proof, credential.types, credential.subjects
        signed, ends = credential.valid_from, credential.valid_until
        known = self._known.key(proof.method)
        # Who reads credentials parses equal DIDs once: where these two are not the same object, it
        # is only less than usual.
        if known is None or signed is None or proof.method.did is not credential.issuer:
            return None
        if (
            # 6.1, 6.2: it has one type of its own, for which the issuer is trusted.
            len(types) != _TYPES
            or types[0] != ANY_CREDENTIAL
            or types[1] not in known.types
            # 6.2, 6.3: the issuer is trusted at its validFrom, and this was the key then; the log
            # that says so is fresh.
            or not known.signs.begins <= signed < known.signs.ends
            or not known.answers.begins <= at < known.answers.ends
            # 6.5: it has begun and has not ended, and its proof says nothing of that.
            or signed > at + self._skew
            or (ends is not None and at - self._skew >= ends)
            or proof.not_before is not None
            or proof.expires is not None
            # 6.6: it is bound to the log.
            or len(subjects) != 1
            or subjects[0].get("logId") != self._log_id_text
        ):
            return None
        # 6.8: it has a status, and each of its entries is unset in a list that counts.
        statuses = []
        for entry in credential.statuses:
            found = known.lists.get((entry.list_url, entry.purpose))
            index = entry.index
            if (
                found is None
                or not found.serves.begins <= at < found.serves.ends
                or entry.size != 1
                or entry.messages
                or not 0 <= index < found.entries
                or found.bits[index >> 3] & 0x80 >> (index & 7)
            ):
                return None
            statuses.append((entry, found))
        if not statuses:
            return None
        try:
            claims = check_policy(credential, self._policy)  # 6.9
            proof.verify(known.key)  # 6.4, last: it takes longer than all the rest
        except KeybornError:
            return None
        record = UsualRecord(
            at,
            self._log_id_text,
            credential.format,
            types[1],
            signed,
            ends,
            known,
            statuses,
            claims,
        )
        return Decision(at, self._digest, self._log_id, record.steps)
