#!/bin/sh
# Write the verifier's trust root, once: it believes the issuer whose directory is there to be read.
set -eu
state=/var/lib/keyborn
trust=$state/verifier/trust.toml
if [ -e "$trust" ]; then
  exit 0
fi
did=$(keyborn issuer info --dir "$state/issuer" --json |
  python -c 'import json, sys; print(json.load(sys.stdin)["did"])')
keyborn verifier trust --network "$state/ledger/network.toml" --issuer "$did" \
  --status-url http://127.0.0.1:8102/v1/status/ --out "$trust"
