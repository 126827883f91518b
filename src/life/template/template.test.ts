import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openToOthers } from '../../../test/support/store.ts'
import { placeTemplate } from './template.ts'

let home: string

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'leasehold-test-'))
})
afterEach(() => rm(home, { recursive: true, force: true }))

it('starts from a kept template, and from nothing where none can be kept', async () => {
  const kept = join(home, 'kept')
  await placeTemplate(join(home, 'one'), kept)
  const [name, ...others] = await readdir(kept)
  expect(name).toMatch(/^template-[0-9a-f]{32}$/)
  expect(others).toEqual([])
  expect(await openToOthers(kept)).toEqual([])
  const before = await stat(join(kept, String(name)))
  await placeTemplate(join(home, 'two'), kept)
  expect((await stat(join(kept, String(name)))).ino).toBe(before.ino)
  // A file stands where the folder should be: nothing can be kept.
  await writeFile(join(home, 'file'), '')
  await placeTemplate(join(home, 'three'), join(home, 'file'))
  for (const made of ['one', 'two', 'three'])
    expect(await readFile(join(home, made, 'PG_VERSION'), 'utf8')).toBe('18\n')
}, 120_000)
