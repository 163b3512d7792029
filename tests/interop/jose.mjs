// Answers questions, one JSON object a line, with `jose`: JWTs signed and verified with Ed25519.
import {createInterface} from 'node:readline';

import * as jose from 'jose';

const operations = {
  async sign({jwk, header, payload}) {
    return new jose.CompactSign(new TextEncoder().encode(JSON.stringify(payload)))
      .setProtectedHeader(header).sign(await jose.importJWK(jwk, header.alg));
  },
  async verify({jwk, token, options, now}) {
    const key = await jose.importJWK(jwk, 'EdDSA');
    const checked = {...options, currentDate: new Date(now)};
    const {payload, protectedHeader} = await jose.jwtVerify(token, key, checked);
    return {payload, header: protectedHeader};
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
