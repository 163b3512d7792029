// Compiles DidLog.sol with npm's solc into DidLog.json, which is committed and packaged:
//
//   node ledger/contracts/build.mjs            writes DidLog.json
//   node ledger/contracts/build.mjs --print    prints it instead, to be compared
//
// Every setting is fixed and no metadata hash is appended: the same source and the same compiler
// give the same bytes on every machine. Warnings fail the build.
import { readFileSync, writeFileSync } from 'node:fs'
import solc from 'solc'

const SOURCE = 'DidLog.sol'
const here = (name) => new URL(name, import.meta.url)

const settings = {
  evmVersion: 'cancun',
  viaIR: true,
  optimizer: { enabled: true, runs: 1_000_000 },
  metadata: { appendCBOR: false, bytecodeHash: 'none' },
}
const output = JSON.parse(
  solc.compile(
    JSON.stringify({
      language: 'Solidity',
      sources: { [SOURCE]: { content: readFileSync(here(SOURCE), 'utf8') } },
      settings: {
        ...settings,
        outputSelection: {
          [SOURCE]: { DidLog: ['abi', 'evm.bytecode.object', 'evm.deployedBytecode', 'storageLayout'] },
        },
      },
    }),
  ),
)
if (output.errors?.length) {
  for (const { formattedMessage } of output.errors) console.error(formattedMessage)
  process.exit(1)
}

const { abi, evm, storageLayout } = output.contracts[SOURCE].DidLog
const [immutable] = Object.values(evm.deployedBytecode.immutableReferences)
const built =
  JSON.stringify(
    {
      compiler: solc.version(),
      settings,
      storage: Object.fromEntries(storageLayout.storage.map(({ label, slot }) => [label, Number(slot)])),
      abi,
      bytecode: `0x${evm.bytecode.object}`,
      // The deployed code but for the log id, which stands in it as 32 zero bytes at each of these
      // offsets; the code hash of a deployment is the keccak-256 of it with the log id filled in.
      runtime: `0x${evm.deployedBytecode.object}`,
      logIdOffsets: immutable.map(({ start }) => start),
    },
    null,
    2,
  ) + '\n'

if (process.argv.includes('--print')) process.stdout.write(built)
else writeFileSync(here('DidLog.json'), built)
