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

// What a wallet knows once it has an access token.
async function redeemed({offer, seed, txCode}) {
  const wallet = walletOf(seed);
  const credentialOffer = await wallet.resolveCredentialOffer(offer);
  const issuerMetadata = await wallet.resolveIssuerMetadata(credentialOffer.credential_issuer);
  const {accessTokenResponse} = await wallet.retrievePreAuthorizedCodeAccessTokenFromOffer({
    credentialOffer, issuerMetadata, txCode
  });
  const accessToken = accessTokenResponse.access_token;
  return {wallet, credentialOffer, issuerMetadata, accessToken};
}

const operations = {
  // The whole flow; `kid` is the DID URL that the proof is made with.
  async enrol({offer, seed, kid, configuration, txCode}) {
    const {wallet, credentialOffer, issuerMetadata, accessToken} =
      await redeemed({offer, seed, txCode});
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
      accessToken,
      proofs: {jwt: [jwt]}
    });
    return {
      offered: credentialOffer.credential_configuration_ids,
      version: issuerMetadata.originalDraftVersion,
      credentials: credentialResponse.credentials,
      notification: credentialResponse.notification_id,
      transaction: credentialResponse.transaction_id,
      interval: credentialResponse.interval
    };
  },

  // Several proofs in one request, which share a nonce; each of `holders` has a `seed` and a `kid`.
  async enrolTogether({offer, holders, configuration}) {
    const {wallet, issuerMetadata, accessToken} = await redeemed({offer, seed: holders[0].seed});
    const {c_nonce: nonce} = await wallet.requestNonce({issuerMetadata});
    const jwts = await Promise.all(holders.map(async ({seed, kid}) => {
      const {jwt} = await walletOf(seed).createCredentialRequestJwtProof({
        issuerMetadata,
        credentialConfigurationId: configuration,
        nonce,
        issuedAt: new Date(),
        signer: {method: 'did', didUrl: kid, alg: 'EdDSA'}
      });
      return jwt;
    }));
    const {credentialResponse} = await wallet.retrieveCredentials({
      issuerMetadata, credentialConfigurationId: configuration, accessToken, proofs: {jwt: jwts}
    });
    return {credentials: credentialResponse.credentials};
  },

  // A presentation for a nonce, made elsewhere: the client has no Data Integrity of its own.
  async nonce({offer, seed}) {
    const {wallet, issuerMetadata} = await redeemed({offer, seed});
    const {c_nonce: nonce} = await wallet.requestNonce({issuerMetadata});
    return nonce;
  },

  async enrolWithPresentation({offer, seed, configuration, presentation}) {
    const {wallet, issuerMetadata, accessToken} = await redeemed({offer, seed});
    const {credentialResponse} = await wallet.retrieveCredentials({
      issuerMetadata,
      credentialConfigurationId: configuration,
      accessToken,
      proofs: {di_vp: [presentation]}
    });
    return {credentials: credentialResponse.credentials};
  },

  async comeBack({offer, seed, transaction}) {
    const {wallet, issuerMetadata, accessToken} = await redeemed({offer, seed});
    const {deferredCredentialResponse} = await wallet.retrieveDeferredCredentials({
      issuerMetadata, accessToken, transactionId: transaction
    });
    return deferredCredentialResponse;
  },

  async notify({offer, seed, notification, event, description}) {
    const {wallet, issuerMetadata, accessToken} = await redeemed({offer, seed});
    await wallet.sendNotification({
      issuerMetadata,
      accessToken,
      notification: {notificationId: notification, event, eventDescription: description}
    });
    return {};
  },

  async metadata({offer, seed}) {
    const {issuerMetadata} = await redeemed({offer, seed});
    return issuerMetadata;
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
