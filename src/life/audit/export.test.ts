import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  actor,
  asOwner,
  emptyThings,
  makeNoteSigner,
  makeThing,
  memoryThings,
  sequenceAll,
  type ThingWorld,
} from '../../../test/support/ledger.ts'
import { vkeyOf } from '../../core/ledger/note.ts'
import { acceptLoss, checkRemembered, exportCheckpoint } from './export.ts'
import { readLog } from './read.ts'

const signer = makeNoteSigner()
const vkeys = [vkeyOf(signer)]
let world: ThingWorld
let folder: string
let file: string
beforeAll(async () => {
  world = await memoryThings()
})
beforeEach(async () => {
  world = await emptyThings(world)
  folder = await mkdtemp(join(tmpdir(), 'checkpoint-'))
  file = join(folder, 'checkpoint')
})
afterEach(() => rm(folder, { recursive: true }))
afterAll(() => world.store.close())

async function grow(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await makeThing(world)
  await sequenceAll(world.store)
}

/** The database as it was when it was empty: what restoring an old backup does. */
async function putBack(): Promise<void> {
  world = await emptyThings(world)
}

describe('the remembered checkpoint', () => {
  test('is written whole, for its owner alone, and read back', async () => {
    await grow(3)
    const signed = await exportCheckpoint({ ...world, signer }, file)
    expect(await readFile(file, 'utf8')).toBe(signed.note)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(await readdir(folder)).toEqual(['checkpoint'])
    expect(await checkRemembered(world.store, file, vkeys)).toMatchObject({ size: 3 })
    await grow(2)
    expect(await checkRemembered(world.store, file, vkeys)).toMatchObject({ size: 3 })
  })

  test('is nothing at the first start', async () => {
    expect(await checkRemembered(world.store, file, vkeys)).toBeUndefined()
  })

  test('ahead of the database refuses to start', async () => {
    await grow(3)
    await exportCheckpoint({ ...world, signer }, file)
    await putBack()
    const start = checkRemembered(world.store, file, vkeys)
    await expect(start).rejects.toMatchObject({ code: 'ledger-regressed', next: /accept-loss/ })
  })

  test('of another history refuses to start, though the database has grown past it', async () => {
    await grow(3)
    await exportCheckpoint({ ...world, signer }, file)
    await putBack()
    await grow(5)
    const start = checkRemembered(world.store, file, vkeys)
    await expect(start).rejects.toMatchObject({ code: 'ledger-regressed' })
  })

  test('that nobody we know signed refuses to start', async () => {
    await grow(1)
    await exportCheckpoint({ ...world, signer: makeNoteSigner() }, file)
    await expect(checkRemembered(world.store, file, vkeys)).rejects.toMatchObject({
      code: 'not-verified',
    })
    await writeFile(file, 'nothing')
    await expect(checkRemembered(world.store, file, vkeys)).rejects.toMatchObject({
      code: 'not-verified',
    })
  })
})

describe('accepting a loss', () => {
  const accept = () => acceptLoss({ ...world, signer }, { file, vkeys, by: actor })

  test('is an entry that says what was lost, and lets the database start', async () => {
    await grow(3)
    const lost = await exportCheckpoint({ ...world, signer }, file)
    await putBack()
    await grow(1)
    await accept()
    await sequenceAll(world.store)
    const [entry] = await readLog(world.store)
    const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')
    expect(entry).toMatchObject({
      kind: 'log.loss',
      facts: { remembered: { size: 3, root: base64(lost.root) }, found: { size: 1 } },
    })
    expect(await checkRemembered(world.store, file, vkeys)).toMatchObject({ size: 1 })
    expect(await readFile(`${file}.lost-3`, 'utf8')).toBe(lost.note)
  })

  test('is refused when nothing was lost', async () => {
    await grow(3)
    await expect(accept()).rejects.toMatchObject({ code: 'wrong-state' })
    await exportCheckpoint({ ...world, signer }, file)
    await expect(accept()).rejects.toMatchObject({ code: 'wrong-state' })
  })

  test('that can not be recorded changes nothing', async () => {
    await grow(3)
    await exportCheckpoint({ ...world, signer }, file)
    await putBack()
    await asOwner(world.store, ['revoke insert on ledger_inbox from leasehold_runtime'])
    await expect(accept()).rejects.toThrow('permission denied')
    await asOwner(world.store, ['grant insert on ledger_inbox to leasehold_runtime'])
    expect(await readdir(folder)).toEqual(['checkpoint'])
    await expect(checkRemembered(world.store, file, vkeys)).rejects.toThrow('ledger-regressed')
  })
})
