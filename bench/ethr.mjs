// How fast npm's ethr-did-resolver resolves, on a chain that mines when it is told to.
// Usage: node ethr.mjs RPC_URL RESOLUTIONS ATTRIBUTES; prints one line of JSON.
//
// It deploys ERC-1056 as ethr-did-registry has it, gives identities one attribute each and others
// ATTRIBUTES, each attribute in a block of its own, and resolves them one after the other: with the
// provider that the resolver makes of a URL, as its README says, which waits 10 ms for requests to
// batch and answers repeated ones from memory for 250 ms; and with one that does neither.
import {readFileSync} from 'node:fs';

import {Resolver} from 'did-resolver';
import {Contract, ContractFactory, JsonRpcProvider, Wallet, hexlify, encodeBytes32String, randomBytes} from 'ethers';
import {getResolver} from 'ethr-did-resolver';

const [url, count, many] = [process.argv[2], ...process.argv.slice(3).map(Number)];
const ARTIFACT = '../node_modules/ethr-did-registry/artifacts/contracts/EthereumDIDRegistry.sol/EthereumDIDRegistry.json';
const {abi, bytecode} = JSON.parse(readFileSync(new URL(ARTIFACT, import.meta.url)));
const NAME = encodeBytes32String('did/pub/Ed25519/veriKey/base64');
const VALIDITY = 365 * 24 * 3600;

const plain = new JsonRpcProvider(url, undefined, {batchMaxCount: 1, cacheTimeout: -1, staticNetwork: true});

async function mined(sent) {
  await plain.send('anvil_mine', ['0x1']);
  const receipt = await plain.getTransactionReceipt(sent.hash);
  if (receipt?.status !== 1) throw new Error('a transaction did not succeed');
  return receipt;
}

async function funded() {
  const wallet = new Wallet(Wallet.createRandom().privateKey, plain);
  await plain.send('anvil_setBalance', [wallet.address, '0x56bc75e2d63100000']);
  return wallet;
}

async function identity(registry, attributes) {
  const wallet = await funded();
  const contract = new Contract(registry, abi, wallet);
  for (let nonce = 0; nonce < attributes; nonce += 1) {
    await mined(await contract.setAttribute(
      wallet.address, NAME, hexlify(randomBytes(32)), VALIDITY, {nonce, gasLimit: 200_000}
    ));
  }
  return `did:ethr:development:${wallet.address}`;
}

async function rate(registry, provider, dids, attributes) {
  const resolver = new Resolver(getResolver({
    name: 'development', chainId: 31337, registry, ...provider
  }));
  const check = async did => {
    const {didDocument, didResolutionMetadata} = await resolver.resolve(did);
    // The controller's own key is one, and each attribute is one.
    if (didDocument?.verificationMethod.length !== 1 + attributes) {
      throw new Error(`not resolved: ${JSON.stringify(didResolutionMetadata)}`);
    }
  };
  await check(dids[0]); // the first one looks at the chain
  const start = process.hrtime.bigint();
  for (let number = 0; number < count; number += 1) await check(dids[number % dids.length]);
  return count * 1e9 / Number(process.hrtime.bigint() - start);
}

const deployment = await new ContractFactory(abi, bytecode, await funded()).getDeployTransaction();
const receipt = await mined(await (await funded()).sendTransaction({...deployment, gasLimit: 3_000_000}));
const registry = receipt.contractAddress;
const found = {};
for (const [name, attributes, identities] of [['one', 1, 40], ['many', many, 5]]) {
  const dids = [];
  for (let number = 0; number < Math.min(identities, count); number += 1) {
    dids.push(await identity(registry, attributes));
  }
  found[name] = await rate(registry, {rpcUrl: url}, dids, attributes);
  found[`${name}_tuned`] = await rate(registry, {provider: plain}, dids, attributes);
}
process.stdout.write(`${JSON.stringify(found)}\n`);
process.exit(0); // its own provider keeps looking at the chain
