// A wallet, one question and one answer a line: the npm client of OpenID4VCI, as published, takes
// an offer all the way to its credential. Its own are only the key and the signature, which every
// user of that client has to bring.
import {createHash, createPrivateKey, randomBytes, sign} from 'node:crypto';
import {createInterface} from 'node:readline';

import {clientAuthenticationAnonymous, setGlobalConfig} from '@openid4vc/oauth2';
import {Openid4vciClient} from '@openid4vc/openid4vci';

setGlobalConfig({allowInsecureUrls: true}); // loopback

const PKCS8_ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex');
const base64url = value => Buffer.from(value).toString('base64url');

function walletOf(seed) {
  const key = createPrivateKey({
    key: Buffer.concat([PKCS8_ED25519, Buffer.from(seed, 'hex')]), format: 'der', type: 'pkcs8'
  });
  const unused = name => () => {
    throw new Error(`${name} is not needed here`);
  };
  return new Openid4vciClient({
    callbacks: {
      hash: (data, algorithm) => createHash(algorithm.replace('-', '')).update(data).digest(),
      generateRandom: randomBytes,
      signJwt: async (signer, {header, payload}) => {
        const input = `${base64url(JSON.stringify(header))}.${base64url(JSON.stringify(payload))}`;
        const {x} = key.export({format: 'jwk'});
        return {
          jwt: `${input}.${base64url(sign(null, Buffer.from(input), key))}`,
          signerJwk: {kty: 'OKP', crv: 'Ed25519', x}
        };
      },
      verifyJwt: unused('verifyJwt'),
      decryptJwe: unused('decryptJwe'),
      encryptJwe: unused('encryptJwe'),
      clientAuthentication: clientAuthenticationAnonymous()
    }
  });
}

const operations = {
  // The whole flow; `kid` is the DID URL that the proof is made with.
  async enrol({offer, seed, kid, configuration, txCode}) {
    const wallet = walletOf(seed);
    const credentialOffer = await wallet.resolveCredentialOffer(offer);
    const issuerMetadata = await wallet.resolveIssuerMetadata(credentialOffer.credential_issuer);
    const {accessTokenResponse} = await wallet.retrievePreAuthorizedCodeAccessTokenFromOffer({
      credentialOffer, issuerMetadata, txCode
    });
    const {c_nonce: nonce} = await wallet.requestNonce({issuerMetadata});
    const {jwt} = await wallet.createCredentialRequestJwtProof({
      issuerMetadata,
      credentialConfigurationId: configuration,
      nonce,
      issuedAt: new Date(),
      signer: {method: 'did', didUrl: kid, alg: 'EdDSA'}
    });
    const {credentialResponse} = await wallet.retrieveCredentials({
      issuerMetadata,
      credentialConfigurationId: configuration,
      accessToken: accessTokenResponse.access_token,
      proofs: {jwt: [jwt]}
    });
    return {
      offered: credentialOffer.credential_configuration_ids,
      version: issuerMetadata.originalDraftVersion,
      credentials: credentialResponse.credentials
    };
  }
};

for await (const line of createInterface({input: process.stdin})) {
  let answer;
  try {
    const {operation, ...question} = JSON.parse(line);
    answer = {result: await operations[operation](question)};
  } catch(error) {
    const told = error.response?.credentialErrorResponseResult?.data ?? error.errorResponse;
    answer = {error: `${error.name}: ${error.message} ${JSON.stringify(told ?? {})}`};
  }
  process.stdout.write(JSON.stringify(answer) + '\n');
}
