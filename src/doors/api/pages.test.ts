/** Lists beyond one page: each says where the next begins, and together they are all there is, once. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Company, startCompany } from '../../../test/journeys/company.ts'
import { limits } from '../../core/base/limits.ts'

const all = 2 * limits.pageRows + 50
let company: Company
beforeAll(async () => {
  company = await startCompany()
  const { world } = company.running
  const { ids } = company
  // Rows as they lie in the tables: what is tested is reading them.
  await world.store.query(
    `insert into app (id, version, slug, owner_id, backup_id, purpose, team, data_classes, stage, state, ends_at,
       max_ends_at, end_trigger, made_by, made_at)
     select 'ap_' || lpad(n::text, 26, '0'), 1, 'many-' || lpad(n::text, 5, '0'), $1, $2, '<b>many</b>', null, '{internal}',
       'prototype', 'active', now() + interval '5 days', now() + interval '20 days', 'date', $1, now()
     from generate_series(1, $3::int) n`,
    [ids.maya, ids.tom, all],
  )
}, 120_000)
afterAll(() => company?.stop())

async function readAll(path: string, who: 'sam' | 'eve' = 'sam') {
  const items: { id: string; slug: string; endsAt: string }[] = []
  let pages = 0
  for (let next: number | null = 0; next !== null; pages++) {
    const sign = path.includes('?') ? '&' : '?'
    const { body } = await company.as(who)('GET', `${path}${sign}skip=${next}`)
    items.push(...body.items)
    next = body.next
  }
  return { items, pages }
}

describe('a list of many', () => {
  test('is read page by page to its end, each row once and in one order', async () => {
    const { items, pages } = await readAll('/v1/apps')
    expect(pages).toBe(3)
    const many = items.filter(({ slug }) => slug.startsWith('many-')).map(({ slug }) => slug)
    expect(many).toHaveLength(all)
    expect(new Set(many).size).toBe(all)
    expect(many).toEqual([...many].sort())
  })

  test('has no page after its last, and says so, also where it is just full', async () => {
    const sam = company.as('sam')
    const last = await sam('GET', `/v1/apps?skip=${2 * limits.pageRows}`)
    expect(last.body.next).toBeNull()
    expect(last.body.items).toHaveLength(50)
    const beyond = await sam('GET', `/v1/apps?skip=${10 * limits.pageRows}`)
    expect(beyond.body).toEqual({ items: [], next: null })
    for (const path of ['/v1/leases', '/v1/found'])
      expect((await sam('GET', path)).body).toMatchObject({ items: [], next: null })
  })

  test('is read on from a whole number, and from nothing else', async () => {
    for (const path of ['/v1/apps', '/v1/leases', '/v1/found'])
      for (const skip of ['-1', '1.5', 'x', '9'.repeat(16), '1;drop table app']) {
        const query = `${path}?skip=${encodeURIComponent(skip)}`
        const { status, body } = await company.as('sam')('GET', query)
        expect([query, status, body.field]).toEqual([query, 400, 'skip'])
      }
  })

  test('shows to who has no role their own alone, whatever page they ask for', async () => {
    const own = { slug: 'own', purpose: 'of eve', backup: 'tom@acme.example', days: 5 }
    expect((await company.as('eve')('POST', '/v1/apps', own)).status).toBe(201)
    // On their first page, however many apps of others come before.
    const { items, pages } = await readAll('/v1/apps', 'eve')
    expect(items.map(({ slug }) => slug)).toEqual(['own'])
    expect(pages).toBe(1)
    expect((await company.as('eve')('GET', '/v1/apps?skip=200')).body.items).toEqual([])
  })

  test('of one template is as long as there are apps of it, and of those who may see them', async () => {
    const { world } = company.running
    await world.store.query(
      `insert into manifest (id, version, app_id, digest, purposes, says, state, made_at)
       select 'mf_' || substr(id, 4), 1, id, 'x', '[]', '{"":"web 1.0.0"}', 'current', now()
       from app where slug like 'many-%' and substr(slug, 6)::int % 2 = 0`,
    )
    const { items, pages } = await readAll('/v1/apps?template=web')
    expect([items.length, pages]).toEqual([all / 2, 2])
    expect((await readAll('/v1/apps?template=web@%3C1.0.0')).items).toEqual([])
    expect(await readAll('/v1/apps?template=web', 'eve')).toEqual({ items: [], pages: 1 })
  })

  test('of what is mine is of who asks, also where they may see all; soonest is who ends next', async () => {
    const late = { slug: 'late', purpose: 'of tom', backup: 'maya@acme.example', days: 20 }
    expect((await company.as('tom')('POST', '/v1/apps', late)).status).toBe(201)
    expect((await readAll('/v1/apps?mine=true', 'eve')).items.map(({ slug }) => slug)).toEqual([
      'own',
    ])
    expect((await readAll('/v1/apps?mine=true')).items).toEqual([])
    const { items } = await readAll('/v1/apps?soonest=true')
    expect(items).toHaveLength((await readAll('/v1/apps')).items.length)
    const ends = items.map(({ endsAt }) => endsAt)
    expect(ends).toEqual([...ends].sort())
    expect(items.at(-1)?.slug).toBe('late')
    for (const query of ['mine=yes', 'soonest=1', 'mine=true&mine=false']) {
      const { status } = await company.as('sam')('GET', `/v1/apps?${query}`)
      expect([query, status]).toEqual([query, 400])
    }
  })
})
