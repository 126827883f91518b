// What the suite's own package may bring in. It is no part of the server's, and its rules hold here.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const read = (file: string) =>
  JSON.parse(readFileSync(join(import.meta.dirname, 'suite', file), 'utf8'))

it('each part of the suite is pinned exactly, and locked with a hash from nowhere in particular', () => {
  const versions: string[] = Object.values(read('package.json').dependencies)
  expect(versions.filter(version => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))).toEqual([])
  const packages: Record<string, Record<string, unknown>> = read('package-lock.json').packages
  const locked = Object.entries(packages).filter(([path]) => path !== '')
  expect(locked.length).toBeGreaterThan(0)
  const odd = locked.filter(([, entry]) => 'resolved' in entry || !('integrity' in entry))
  expect(odd.map(([path]) => path)).toEqual([])
})
