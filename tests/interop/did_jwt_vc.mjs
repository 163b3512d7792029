// Answers questions, one JSON object a line, with `did-jwt-vc`: VC 1.1 as JWTs.
//
// `documents` (DID -> DID document) is all that its resolver knows; nothing is ever fetched.
import {sign} from 'node:crypto';
import {createInterface} from 'node:readline';

import {
  createVerifiableCredentialJwt, createVerifiablePresentationJwt, verifyCredential,
  verifyPresentation
} from 'did-jwt-vc';

const resolverOf = documents => ({
  async resolve(did) {
    return {didDocument: documents[did], didDocumentMetadata: {}, didResolutionMetadata: {}};
  }
});

const issuerOf = ({jwk, did}) => ({
  did,
  alg: 'EdDSA',
  signer: async data =>
    sign(null, Buffer.from(data), {key: jwk, format: 'jwk'}).toString('base64url')
});

const operations = {
  issue: ({payload, header, ...secret}) =>
    createVerifiableCredentialJwt(payload, issuerOf(secret), {header}),
  present: ({payload, header, challenge, domain, ...secret}) =>
    createVerifiablePresentationJwt(payload, issuerOf(secret), {header, challenge, domain}),
  async verifyCredential({token, documents, now}) {
    const checked = await verifyCredential(token, resolverOf(documents), {policies: {now}});
    return checked.verifiableCredential;
  },
  async verifyPresentation({token, documents, now, challenge, domain}) {
    const options = {challenge, domain, policies: {now}};
    const checked = await verifyPresentation(token, resolverOf(documents), options);
    return checked.verifiablePresentation;
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
