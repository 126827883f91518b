/**
 * Writes what a verifier that is not ours needs: proof files and checkpoints of a log that came about
 * as logs do, by recorded changes through the sequencer.
 *
 *   make-bundle.ts BUNDLE.json
 */
import { writeFile } from 'node:fs/promises'
import { signHead } from '../../src/core/ledger/checkpoint.ts'
import { vkeyOf } from '../../src/core/ledger/note.ts'
import { consistencyProof, tlogProof } from '../../src/life/audit/proof.ts'
import { readEntry } from '../../src/life/audit/read.ts'
import {
  changeThing,
  makeNoteSigner,
  makeThing,
  memoryThings,
  sequenceAll,
} from '../support/ledger.ts'

const [file] = process.argv.slice(2)
if (file === undefined) throw new Error('usage: make-bundle.ts BUNDLE.json')
const world = { ...(await memoryThings()), signer: makeNoteSigner('leasehold.example/log') }

const checkpoints = []
for (const count of [1, 3, 250, 20, 246]) {
  const { id } = await makeThing(world)
  for (let i = 1; i < count; i++) await changeThing(world, id, { ownerId: `owner ${i}` })
  await sequenceAll(world.store)
  checkpoints.push(await signHead(world))
}

const proofs = []
for (const position of [0, 1, 3, 4, 255, 256, 400, 519])
  proofs.push({
    leaf: (await readEntry(world.store, position)).leaf,
    proof: await tlogProof(world, position),
  })

const consistency = []
for (const [i, to] of checkpoints.entries())
  for (const from of checkpoints.slice(0, i)) {
    const path = await consistencyProof(world.store, from.size, to.size)
    consistency.push({
      from: from.note,
      to: to.note,
      path: path.map(hash => Buffer.from(hash).toString('base64')),
    })
  }

await writeFile(file, JSON.stringify({ vkey: vkeyOf(world.signer), proofs, consistency }))
await world.store.close()
