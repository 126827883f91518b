/** Long lists, and somebody who may see none of it: no row, no empty page before one's own, no hint that there is more. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeMany } from '../../bench/many.ts'
import { recordingTarget } from '../fakes/recording-target.ts'
import { type Company, startCompany } from '../journeys/company.ts'

const counts = { apps: 450, leases: 450, things: 0 }
let company: Company
let slug: string
beforeAll(async () => {
  company = await startCompany()
  const place = { connector: recordingTarget().connector, config: {}, object: {}, columns: ['id'] }
  slug = (await makeMany(company.running, place, counts)).app.slug
}, 120_000)
afterAll(() => company?.stop())

const asked = async (who: 'sam' | 'eve', path: string) => (await company.as(who)('GET', path)).body

describe('a list of what is not theirs', () => {
  for (const path of ['/v1/apps', '/v1/leases'])
    test(`has a page that goes on for who watches over all, and ends for who may see none: ${path}`, async () => {
      const { items, next } = await asked('sam', path)
      expect([items.length, next]).toEqual([200, 200])
      expect(await asked('eve', path)).toEqual({ items: [], next: null })
      expect(await asked('eve', `${path}?skip=200`)).toEqual({ items: [], next: null })
    })

  test('holds nothing of tasks and grants either', async () => {
    for (const path of ['/v1/tasks', '/v1/grants']) {
      expect((await asked('sam', path)).items.length).toBeGreaterThan(0)
      expect((await asked('eve', path)).items).toEqual([])
    }
  })

  test('named by its app is not found', async () => {
    for (const path of ['/v1/leases', '/v1/tasks', '/v1/grants']) {
      const { status, body } = await company.as('eve')('GET', `${path}?app=${slug}`)
      expect([path, status, body.code]).toEqual([path, 404, 'not-found'])
    }
  })
})
