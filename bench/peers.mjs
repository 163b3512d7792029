// How fast npm's `@digitalbazaar/vc` and `did-jwt-vc` verify one credential, over and over. One
// question as JSON on stdin: {operation, times, documents, …}; one line of JSON back: {seconds}.
import {readFileSync} from 'node:fs';

const question = JSON.parse(readFileSync(0, 'utf8'));

const operations = {
  async dataIntegrity({credential, documents}) {
    const {DataIntegrityProof} = await import('@digitalbazaar/data-integrity');
    const {createVerifyCryptosuite} = await import('@digitalbazaar/eddsa-jcs-2022-cryptosuite');
    const vc = await import('@digitalbazaar/vc');
    const suite = new DataIntegrityProof({cryptosuite: createVerifyCryptosuite()});
    const documentLoader = async url => Object.hasOwn(documents, url) ?
      {contextUrl: null, documentUrl: url, document: documents[url]} :
      vc.defaultDocumentLoader(url);
    return async () => {
      const {verified, error} = await vc.verifyCredential({credential, suite, documentLoader});
      if(!verified) throw error;
    };
  },
  async jwt({token, documents}) {
    const {verifyCredential} = await import('did-jwt-vc');
    const resolver = {
      resolve: async did => ({
        didDocument: documents[did], didDocumentMetadata: {}, didResolutionMetadata: {}
      })
    };
    return () => verifyCredential(token, resolver);
  }
};

const verify = await operations[question.operation](question);
for(let n = 0; n < question.times; n++) await verify();
const start = performance.now();
for(let n = 0; n < question.times; n++) await verify();
console.log(JSON.stringify({seconds: (performance.now() - start) / 1000}));
