// Answers questions, one JSON object a line, with `@auth0/cose`: COSE_Sign1 with Ed25519. Byte
// strings travel in hexadecimal; headers as pairs of label and value, where {"hex": …} is one.
import {createInterface} from 'node:readline';

import {Sign1} from '@auth0/cose';
import {importJWK} from 'jose';

const bytes = hex => Uint8Array.from(Buffer.from(hex, 'hex'));
const hex = value => Buffer.from(value).toString('hex');

function written(value) {
  if(value instanceof Uint8Array) {
    return {hex: hex(value)};
  }
  return value instanceof Map ? [...value].map(([label, it]) => [label, written(it)]) : value;
}

function read(value) {
  if(Array.isArray(value)) {
    return new Map(value.map(([label, it]) => [label, read(it)]));
  }
  return value?.hex === undefined ? value : bytes(value.hex);
}

const operations = {
  async sign({jwk, headers, payload}) {
    const key = await importJWK(jwk, 'EdDSA');
    const signed = await Sign1.sign(headers.map(([l, v]) => [l, read(v)]), [], bytes(payload), key);
    return hex(signed.encode());
  },
  async verify({jwk, message}) {
    const signed = Sign1.decode(bytes(message));
    await signed.verify(await importJWK(jwk, 'EdDSA'), {algorithms: [-8]});
    return {payload: hex(signed.payload), headers: written(signed.protectedHeaders)};
  }
};

for await (const line of createInterface({input: process.stdin})) {
  const {operation, ...question} = JSON.parse(line);
  let answer;
  try {
    answer = {result: await operations[operation](question)};
  } catch(error) {
    answer = {error: String(error)};
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
