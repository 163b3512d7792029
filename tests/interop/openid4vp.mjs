// A wallet and a verifier, one question and one answer a line: the npm library of OpenID4VP, as
// published, takes each side of the protocol. Presentations are signed by Digital Bazaar's library,
// answers encrypted by jose. What is left is glue that every user of that library has to bring.
import {createServer} from 'node:http';
import {createHash, createPrivateKey, randomBytes, sign} from 'node:crypto';
import {once} from 'node:events';
import {createInterface} from 'node:readline';

import {DataIntegrityProof} from '@digitalbazaar/data-integrity';
import * as Ed25519Multikey from '@digitalbazaar/ed25519-multikey';
import {createSignCryptosuite} from '@digitalbazaar/eddsa-jcs-2022-cryptosuite';
import * as vc from '@digitalbazaar/vc';
import {clientAuthenticationAnonymous, setGlobalConfig} from '@openid4vc/oauth2';
import {Openid4vpClient, Openid4vpVerifier} from '@openid4vc/openid4vp';
import {CompactEncrypt, compactDecrypt, exportJWK, generateKeyPair, importJWK} from 'jose';

setGlobalConfig({allowInsecureUrls: true}); // loopback

const ENC = 'A256GCM';
const PKCS8_ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex');
const base64url = value => Buffer.from(value).toString('base64url');
const unused = name => () => {
  throw new Error(`${name} is not needed here`);
};

async function verifyJwt(signer, {compact}) {
  const [did, fragment] = signer.didUrl.split('#');
  const key = await Ed25519Multikey.from({
    type: 'Multikey', controller: did, id: signer.didUrl, publicKeyMultibase: fragment
  });
  const end = compact.lastIndexOf('.');
  const verified = did === `did:key:${fragment}` && await key.verifier().verify({
    data: Buffer.from(compact.slice(0, end)),
    signature: Buffer.from(compact.slice(end + 1), 'base64url')
  });
  const {publicKey} = await key.export({publicKey: true, raw: true});
  const signerJwk = {kty: 'OKP', crv: 'Ed25519', x: base64url(publicKey)};
  return verified ? {verified, signerJwk} : {verified};
}

async function encryptJwe({publicJwk, alg, enc, apu, apv}, content) {
  const header = {alg, enc, kid: publicJwk.kid, ...(apu && {apu}), ...(apv && {apv})};
  const jwe = await new CompactEncrypt(Buffer.from(content)).setProtectedHeader(header)
    .encrypt(await importJWK(publicJwk, alg));
  return {jwe, encryptionJwk: publicJwk};
}

const callbacks = {
  hash: (data, algorithm) => createHash(algorithm.replace('-', '')).update(data).digest(),
  generateRandom: randomBytes,
  verifyJwt,
  encryptJwe,
  signJwt: unused('signJwt'),
  decryptJwe: unused('decryptJwe'),
  clientAuthentication: clientAuthenticationAnonymous()
};
const wallet = new Openid4vpClient({callbacks});

async function present({credential, seed, holder, challenge, domain, created}) {
  const key = await Ed25519Multikey.generate({
    seed: Uint8Array.from(Buffer.from(seed, 'hex')), controller: holder
  });
  const suite = new DataIntegrityProof({
    signer: key.signer(), date: created, cryptosuite: createSignCryptosuite()
  });
  const presentation = vc.createPresentation({
    verifiableCredential: [credential], holder, now: created
  });
  return vc.signPresentation({
    presentation, challenge, domain, suite, documentLoader: vc.defaultDocumentLoader
  });
}

// The other side: a verifier with a did:key, on a port of its own.
const verifier = {};

async function listen({seed, query, mode}) {
  const key = createPrivateKey({
    key: Buffer.concat([PKCS8_ED25519, Buffer.from(seed, 'hex')]), format: 'der', type: 'pkcs8'
  });
  const multikey = await Ed25519Multikey.generate({seed: Buffer.from(seed, 'hex')});
  const did = `did:key:${multikey.publicKeyMultibase}`;
  const encryption = await generateKeyPair('ECDH-ES', {crv: 'X25519', extractable: true});
  const encryptionJwk = {
    ...await exportJWK(encryption.publicKey), kid: 'enc-1', alg: 'ECDH-ES', use: 'enc'
  };
  const server = createServer(async (request, response) => {
    if(request.url === '/request') {
      response.setHeader('content-type', 'application/oauth-authz-req+jwt');
      response.end(verifier.requestObject);
      return;
    }
    let body = '';
    for await (const chunk of request) {
      body += chunk;
    }
    verifier.heard(Object.fromEntries(new URLSearchParams(body)));
    response.setHeader('content-type', 'application/json');
    response.end('{}');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${server.address().port}`;
  const made = new Openid4vpVerifier({
    callbacks: {
      ...callbacks,
      signJwt: async (signer, {header, payload}) => {
        const input = `${base64url(JSON.stringify(header))}.${base64url(JSON.stringify(payload))}`;
        return {jwt: `${input}.${base64url(sign(null, Buffer.from(input), key))}`};
      },
      decryptJwe: async jwe => {
        const {plaintext} = await compactDecrypt(jwe, encryption.privateKey);
        return {
          decrypted: true, payload: Buffer.from(plaintext).toString(), decryptionJwk: encryptionJwk
        };
      }
    }
  });
  const {authorizationRequest, jar, authorizationRequestPayload} =
    await made.createOpenId4vpAuthorizationRequest({
      jar: {
        requestUri: `${url}/request`,
        jwtSigner: {
          method: 'did', alg: 'EdDSA', didUrl: `${did}#${multikey.publicKeyMultibase}`
        },
        additionalJwtPayload: {aud: 'https://self-issued.me/v2'},
        expiresInSeconds: 120
      },
      authorizationRequestPayload: {
        client_id: `decentralized_identifier:${did}`,
        response_type: 'vp_token',
        response_mode: mode,
        response_uri: `${url}/response`,
        nonce: base64url(randomBytes(32)),
        state: base64url(randomBytes(16)),
        dcql_query: query,
        client_metadata: {
          vp_formats_supported: {
            ldp_vc: {cryptosuite_values: ['eddsa-jcs-2022']},
            jwt_vc_json: {alg_values: ['EdDSA']}
          },
          ...(mode === 'direct_post.jwt' && {
            jwks: {keys: [encryptionJwk]}, encrypted_response_enc_values_supported: [ENC]
          })
        }
      }
    });
  verifier.requestObject = jar.authorizationRequestJwt;
  verifier.received = new Promise(resolve => {
    verifier.heard = resolve;
  }).then(authorizationResponse => {
    server.close();
    return made.parseOpenid4vpAuthorizationResponse({
      authorizationResponse, authorizationRequestPayload, callbacks: made.options.callbacks
    });
  });
  verifier.received.catch(() => {}); // told when it is asked for
  return {link: authorizationRequest, did, nonce: authorizationRequestPayload.nonce};
}

const operations = {
  // The whole of a wallet: what was asked, what it sent, what the verifier said to that.
  async answer({link, method, ...holder}) {
    const {params} = wallet.parseOpenid4vpAuthorizationRequest({authorizationRequest: link});
    const {authorizationRequestPayload: asked, client, dcql, version} =
      await wallet.resolveOpenId4vpAuthorizationRequest({
        authorizationRequestPayload: {...params, request_uri_method: method}
      });
    const presentations = {}; // in the one format that it can sign
    for(const {id, format} of dcql.query.credentials) {
      if(format === 'ldp_vc') {
        presentations[id] = [await present({
          challenge: asked.nonce, domain: asked.client_id, ...holder
        })];
      }
    }
    const encrypted = asked.response_mode === 'direct_post.jwt';
    const made = await wallet.createOpenid4vpAuthorizationResponse({
      authorizationRequestPayload: asked,
      authorizationResponsePayload: {vp_token: presentations},
      ...(encrypted && {
        jarm: {
          encryption: {nonce: base64url(randomBytes(16))},
          serverMetadata: {
            authorization_signing_alg_values_supported: ['EdDSA'],
            authorization_encryption_alg_values_supported: ['ECDH-ES'],
            authorization_encryption_enc_values_supported: [ENC]
          }
        }
      })
    });
    const {response} = await wallet.submitOpenid4vpAuthorizationResponse({
      authorizationRequestPayload: asked,
      authorizationResponsePayload: made.authorizationResponsePayload,
      jarm: made.jarm && {responseJwt: made.jarm.responseJwt}
    });
    return {
      prefix: client.prefix, did: client.identifier, version, mode: asked.response_mode,
      status: response.status, body: await response.json()
    };
  },
  listen,
  async received() {
    const {dcql, jarm, expectedNonce} = await verifier.received;
    return {presentations: dcql.presentations, encrypted: Boolean(jarm), nonce: expectedNonce};
  }
};

for await (const line of createInterface({input: process.stdin})) {
  let answer;
  try {
    const {operation, ...question} = JSON.parse(line);
    answer = {result: await operations[operation](question)};
  } catch(error) {
    const told = error.errorResponse;
    answer = {error: `${error.name}: ${error.message} ${JSON.stringify(told ?? {})}`};
  }
  process.stdout.write(JSON.stringify(answer) + '\n');
}
