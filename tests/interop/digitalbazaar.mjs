// Answers questions, one JSON object a line, with Digital Bazaar's implementation of Verifiable
// Credentials 2.0: one JSON object a line back, {"result": …} or {"error": "…"}.
//
// `documents` (URL -> document) is all that the loader knows beside the packages' own contexts;
// nothing is ever fetched.
import {createInterface} from 'node:readline';

import {DataIntegrityProof} from '@digitalbazaar/data-integrity';
import * as DidKey from '@digitalbazaar/did-method-key';
import * as Ed25519Multikey from '@digitalbazaar/ed25519-multikey';
import {
  createSignCryptosuite, createVerifyCryptosuite
} from '@digitalbazaar/eddsa-jcs-2022-cryptosuite';
import * as vc from '@digitalbazaar/vc';
import {
  checkStatus as checkBitstringStatus, createCredential, createList, decodeList
} from '@digitalbazaar/vc-bitstring-status-list';
import jsonld from 'jsonld';

const didKey = DidKey.driver();
didKey.use({multibaseMultikeyHeader: 'z6Mk', fromMultibase: Ed25519Multikey.from});

function loaderOf(documents = {}) {
  return async url => {
    if(Object.hasOwn(documents, url)) {
      return {contextUrl: null, documentUrl: url, document: documents[url]};
    }
    return vc.defaultDocumentLoader(url);
  };
}

async function signer({seed, did}) {
  const key = await Ed25519Multikey.generate({
    seed: Uint8Array.from(Buffer.from(seed, 'hex')), controller: did
  });
  return key.signer();
}

const verifySuite = () => new DataIntegrityProof({cryptosuite: createVerifyCryptosuite()});

async function signSuite({seed, did, created}) {
  return new DataIntegrityProof({
    signer: await signer({seed, did}), date: created, cryptosuite: createSignCryptosuite()
  });
}

// Whether a status is set is asked elsewhere; here the question is whether proofs hold.
const checkStatus = async () => ({verified: true});

function verdict({verified, error, credentialResults, presentationResult}) {
  const errors = [error, presentationResult?.error, ...(credentialResults ?? []).map(r => r.error)]
    .flat().flatMap(e => e?.errors ?? (e ? [e] : [])).map(e => e.message);
  return {verified, errors};
}

const operations = {
  async verifyCredential({credential, documents, now}) {
    return verdict(await vc.verifyCredential({
      credential, suite: verifySuite(), documentLoader: loaderOf(documents), checkStatus, now
    }));
  },
  async verifyPresentation({presentation, challenge, domain, documents, now}) {
    try {
      return verdict(await vc.verify({
        presentation, challenge, domain, suite: verifySuite(),
        documentLoader: loaderOf(documents), checkStatus, now
      }));
    } catch(error) {
      // A malformed presentation is thrown, where a malformed credential is answered.
      return {verified: false, errors: [error.message]};
    }
  },
  async issue({credential, documents, now, ...key}) {
    return vc.issue({
      credential, suite: await signSuite(key), documentLoader: loaderOf(documents), now
    });
  },
  async present({credentials, challenge, domain, documents, now, ...key}) {
    const presentation = vc.createPresentation({
      verifiableCredential: credentials, holder: key.did, now
    });
    return vc.signPresentation({
      presentation, challenge, domain, suite: await signSuite(key),
      documentLoader: loaderOf(documents)
    });
  },
  async expand({document, documents}) {
    return jsonld.expand(document, {documentLoader: loaderOf(documents), safe: true});
  },
  async canonize({document, documents}) {
    return jsonld.canonize(document, {
      documentLoader: loaderOf(documents), safe: true, algorithm: 'RDFC-1.0',
      format: 'application/n-quads'
    });
  },
  async resolve({did}) {
    return didKey.get({did});
  },
  async decodeList({encodedList, indexes}) {
    const list = await decodeList({encodedList});
    return {length: list.length, set: indexes.map(index => list.getStatus(index))};
  },
  // A signed status list credential, as an issuer makes one with the package. `more` is what it
  // leaves to its caller: issuer, times.
  async issueList({id, length, set, statusPurpose, more, documents, now, ...key}) {
    const list = await createList({length});
    set.forEach(index => list.setStatus(index, true));
    const credential = {...await createCredential({id, list, statusPurpose}), ...more};
    return vc.issue({
      credential, suite: await signSuite(key), documentLoader: loaderOf(documents), now
    });
  },
  async checkStatus({credential, documents}) {
    const {verified, error, results} = await checkBitstringStatus({
      credential, suite: verifySuite(), documentLoader: loaderOf(documents)
    });
    return {verified, error: error?.message, set: (results ?? []).map(r => r.status)};
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
