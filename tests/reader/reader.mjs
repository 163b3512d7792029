// A second reader of did:keyborn, written from docs/did-method.md; it shares no code with the first.
//
// Reads one JSON object on stdin and writes one on stdout. Of each member that is given it answers:
//   births      [{seed, nextSeed}]             keys, genesis, id, both forms, documents
//   batches     [{bytes} | {parts}]            what is in it, or null where it is void
//   operations  [{genesis} | {logId, …, sig}]  message, hash, whether the signature holds
//   heads       {logId, headKey, heads}        what each evidence says, or null
//   signatures  [{key, signature, message}]    whether it holds, here and in ZIP 215
//   logs        [{logId, entries}]             heads, and every version of every DID
// Bytes are hexadecimal.
import {readFileSync} from 'node:fs';

import {ed25519} from '@noble/curves/ed25519.js';
import {sha256, sha512} from '@noble/hashes/sha2.js';
import {keccak_256} from '@noble/hashes/sha3.js';
import {bytesToHex, concatBytes, hexToBytes} from '@noble/hashes/utils.js';
import {decode, encode} from 'cborg';

const {Point} = ed25519;
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
const BATCH_BYTES = 131_072;
const LAST_SECOND = 253_402_300_799;
const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

// ---------------------------------------------------------------- encodings

const hex = value => value === null ? null : bytesToHex(value);
const bytes = value => value === null ? null : hexToBytes(value);
const same = (one, other) => bytesToHex(one) === bytesToHex(other);
const isBytes = (value, length) => value instanceof Uint8Array && value.length === length;

function littleEndian(data) {
  return BigInt(`0x${bytesToHex(Uint8Array.from(data).reverse())}`);
}

function word(number) {
  return hexToBytes(BigInt(number).toString(16).padStart(64, '0'));
}

function base58(data) {
  let number = BigInt(`0x${bytesToHex(data) || '0'}`);
  let text = '';
  for(; number > 0n; number /= 58n) {
    text = ALPHABET[Number(number % 58n)] + text;
  }
  for(const byte of data) {
    if(byte !== 0) {
      break;
    }
    text = `1${text}`;
  }
  return text;
}

/** The value of deterministic CBOR; throws for anything else. */
function readCbor(data) {
  const value = decode(data, {
    strict: true,
    allowIndefinite: false,
    allowUndefined: false,
    allowInfinity: false,
    allowNaN: false,
    rejectDuplicateMapKeys: true,
    useMaps: true
  });
  if(!same(encode(value), data)) {
    throw new Error('not deterministic');
  }
  return value;
}

function orNull(read) {
  try {
    return read();
  } catch {
    return null;
  }
}

// ---------------------------------------------------------------- section 3.4

/** The point that is canonically encoded so, or null. */
function readPoint(data) {
  const point = orNull(() => Point.fromBytes(data, false));
  return point !== null && same(point.toBytes(), data) ? point : null;
}

function times(point, scalar) {
  return scalar === 0n ? Point.ZERO : point.multiplyUnsafe(scalar);
}

/** The point of a key of prime order, or null. */
function readKey(data) {
  const point = readPoint(data);
  const isOfOrder = point !== null && !point.is0() &&
    times(point, ORDER - 1n).add(point).is0();
  return isOfOrder ? point : null;
}

function verify(key, signature, message) {
  const a = readKey(key);
  const r = readPoint(signature.subarray(0, 32));
  const s = littleEndian(signature.subarray(32));
  if(a === null || r === null || s >= ORDER || times(r, 8n).is0()) {
    return false;
  }
  const k = littleEndian(sha512(concatBytes(signature.subarray(0, 32), key, message))) % ORDER;
  const expected = times(Point.BASE, s).add(times(a, k).negate());
  return same(expected.toBytes(), signature.subarray(0, 32));
}

// ---------------------------------------------------------------- sections 3.1 to 3.3

/** What is in a batch, or null where it is void. */
function readBatch(data) {
  if(data.length > BATCH_BYTES) {
    return null;
  }
  const value = orNull(() => readCbor(data));
  if(!Array.isArray(value) || value.length !== 3) {
    return null;
  }
  const [version, creates, updates] = value;
  if(version !== 1 || !(creates instanceof Uint8Array) || creates.length % 64 !== 0 ||
    !Array.isArray(updates) || !updates.every(isUpdate)) {
    return null;
  }
  const geneses = [];
  for(let start = 0; start < creates.length; start += 64) {
    geneses.push(creates.slice(start, start + 64));
  }
  return {
    creates: geneses,
    updates: updates.map(([id, reveal, next, sig]) => ({id, reveal, next, sig}))
  };
}

function isUpdate(value) {
  if(!Array.isArray(value) || value.length !== 4) {
    return false;
  }
  const [id, reveal, next, sig] = value;
  return isBytes(id, 32) && isBytes(reveal, 32) && (next === null || isBytes(next, 32)) &&
    isBytes(sig, 64);
}

function messageOf({logId, id, prev, reveal, next}) {
  return encode(['keyborn-log/1', logId, id, prev, reveal, next]);
}

/** The state after a create, or undefined where it has no effect. */
function created(state, genesis) {
  if(state !== undefined) {
    return undefined;
  }
  return {
    number: 0,
    operation: sha256(genesis),
    key: genesis.slice(0, 32),
    next: genesis.slice(32)
  };
}

/** The state after an update, or undefined where it is ignored. */
function updated(state, update, logId) {
  const {id, reveal, next, sig} = update;
  if(state === undefined || state.next === null || !same(sha256(reveal), state.next)) {
    return undefined;
  }
  const message = messageOf({logId, id, prev: state.operation, reveal, next});
  if(!verify(reveal, sig, message)) {
    return undefined;
  }
  return {
    number: state.number + 1,
    operation: sha256(message),
    key: next === null ? null : reveal,
    next
  };
}

// ---------------------------------------------------------------- section 3

function replay({logId, entries}) {
  const log = bytes(logId);
  const dids = new Map();
  const heads = [];
  let head = log;
  let sequence = 0;

  function advance(id, change) {
    const versions = dids.get(id) ?? [];
    const state = change(versions.at(-1));
    if(state !== undefined) {
      dids.set(id, [...versions, {...state, sequence}]);
    }
  }

  for(const entry of entries) {
    sequence += 1;
    if(entry.blockTime > LAST_SECOND) {
      throw new Error('there is no such time');
    }
    const data = bytes(entry.batch);
    const words = [
      head, word(entry.kind), keccak_256(data), word(sequence), word(entry.blockNumber),
      word(entry.blockTime)
    ];
    head = keccak_256(concatBytes(...words));
    heads.push(hex(head));
    const batch = readBatch(data);
    if(batch === null) {
      continue;
    }
    for(const genesis of batch.creates) {
      advance(hex(sha256(genesis)), state => created(state, genesis));
    }
    for(const update of batch.updates) {
      advance(hex(update.id), state => updated(state, update, log));
    }
  }
  return {heads, dids: Object.fromEntries([...dids].map(([id, vs]) => [id, vs.map(asJson)]))};
}

function asJson({number, operation, key, next, sequence}) {
  return {number, operation: hex(operation), key: hex(key), next: hex(next), sequence};
}

// ---------------------------------------------------------------- sections 1, 2 and 4.1

function birth({seed, nextSeed}) {
  const key = ed25519.getPublicKey(bytes(seed));
  const nextKey = ed25519.getPublicKey(bytes(nextSeed));
  const commitment = sha256(nextKey);
  const genesis = concatBytes(key, commitment);
  const id = sha256(genesis);
  const did = `did:keyborn:${base58(id)}`;
  return {
    publicKey: hex(key),
    nextPublicKey: hex(nextKey),
    commitment: hex(commitment),
    genesis: hex(genesis),
    id: hex(id),
    did,
    longForm: `${did}:${base58(genesis)}`,
    document: documentOf(did, key),
    deactivatedDocument: documentOf(did, null)
  };
}

function documentOf(did, key) {
  const context = ['https://www.w3.org/ns/did/v1'];
  if(key === null) {
    return {'@context': context, id: did};
  }
  const multikey = `z${base58(concatBytes(Uint8Array.of(0xed, 0x01), key))}`;
  const method = `${did}#${multikey}`;
  return {
    '@context': [...context, 'https://w3id.org/security/multikey/v1'],
    id: did,
    verificationMethod: [
      {id: method, type: 'Multikey', controller: did, publicKeyMultibase: multikey}
    ],
    authentication: [method],
    assertionMethod: [method],
    capabilityInvocation: [method]
  };
}

// ---------------------------------------------------------------- section 3.6

function readHead(evidence, logId, headKey) {
  return orNull(() => {
    const [statement, signature] = readCbor(evidence);
    const [kind, log, finality, sequence, head, time] = readCbor(statement);
    const holds = kind === 'keyborn-head/1' && same(log, logId) &&
      ['latest', 'safe', 'finalized'].includes(finality) && isBytes(head, 32) &&
      isBytes(signature, 64) && verify(headKey, signature, statement) &&
      (sequence !== 0 || same(head, logId));
    return holds ? {finality, sequence, head: hex(head), time, statement: hex(statement)} : null;
  });
}

// ---------------------------------------------------------------- questions and answers

function bytesOf({bytes: whole, parts}) {
  return bytes(whole ?? parts.map(([part, count]) => part.repeat(count)).join(''));
}

function batchAnswer(asked) {
  const batch = readBatch(bytesOf(asked));
  return batch && {
    creates: batch.creates.map(hex),
    updates: batch.updates.map(({id, reveal, next, sig}) => (
      {id: hex(id), reveal: hex(reveal), next: hex(next), sig: hex(sig)}
    ))
  };
}

function operationAnswer(asked) {
  if(asked.genesis !== undefined) {
    return {hash: hex(sha256(bytes(asked.genesis)))};
  }
  const names = ['logId', 'id', 'prev', 'reveal', 'next'];
  const message = messageOf(Object.fromEntries(names.map(name => [name, bytes(asked[name])])));
  return {
    message: hex(message),
    hash: hex(sha256(message)),
    sig: hex(ed25519.sign(message, bytes(asked.seed))),
    holds: verify(bytes(asked.reveal), bytes(asked.sig), message)
  };
}

/** Whether it holds here, and in ZIP 215, the most lenient rule that there is. */
function signatureAnswer({key, signature, message}) {
  const parts = [bytes(signature), bytes(message), bytes(key)];
  return {
    holds: verify(parts[2], parts[0], parts[1]),
    lenient: ed25519.verify(...parts, {zip215: true})
  };
}

const ANSWERS = {
  births: asked => asked.map(birth),
  batches: asked => asked.map(batchAnswer),
  operations: asked => asked.map(operationAnswer),
  heads: ({logId, headKey, heads}) =>
    heads.map(evidence => readHead(bytes(evidence), bytes(logId), bytes(headKey))),
  signatures: asked => asked.map(signatureAnswer),
  logs: asked => asked.map(replay)
};

const questions = JSON.parse(readFileSync(0, 'utf8'));
const answers = Object.entries(questions).map(([name, asked]) => [name, ANSWERS[name](asked)]);
process.stdout.write(JSON.stringify(Object.fromEntries(answers)));
