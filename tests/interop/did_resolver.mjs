// Answers questions, one JSON object a line, with the npm packages did-resolver and did-jwt-vc, whose
// resolver of each method asks the HTTP interface at `endpoint`: one JSON object a line back,
// {"result": …} or {"error": "…"}.
import {createInterface} from 'node:readline';

import {verifyCredential} from 'did-jwt-vc';
import {parse, Resolver} from 'did-resolver';

// As the packages on npm do it that resolve over HTTP: the result of the answer, whatever its status.
function remote(endpoint, accept) {
  return async did => {
    const response = await fetch(`${endpoint}/${encodeURIComponent(did)}`, {headers: {accept}});
    return response.json();
  };
}

function resolverOf({endpoint, accept}) {
  const method = remote(endpoint, accept);
  return new Resolver({keyborn: method, key: method, web: method});
}

const operations = {
  async resolve({did, ...service}) {
    return resolverOf(service).resolve(did);
  },
  async parse({did}) {
    return parse(did);
  },
  async verify({credential, ...service}) {
    const {issuer, verifiableCredential} = await verifyCredential(
      credential, resolverOf(service)
    );
    return {issuer, subject: verifiableCredential.credentialSubject};
  }
};

for await (const line of createInterface({input: process.stdin})) {
  let answer;
  try {
    const {operation, ...question} = JSON.parse(line);
    answer = {result: await operations[operation](question)};
  } catch(error) {
    answer = {error: `${error.name}: ${error.message}`};
  }
  process.stdout.write(JSON.stringify(answer) + '\n');
}
