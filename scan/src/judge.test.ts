/** Who may own a thing, and what is said where nobody does. */
import { describe, expect, test } from 'vitest'
import { addSeconds } from '../../src/core/base/time.ts'
import { handClock } from '../../test/support/clock.ts'
import { parseOwners } from './github.ts'
import { isOldKey, judge } from './judge.ts'
import { readKnown } from './known.ts'
import { newFacts } from './source.ts'
import type { Thing } from './thing.ts'

const now = handClock().now()
const daysAgo = (days: number) => addSeconds(now, -days * 86_400)

const thing = (is: Partial<Thing> = {}): Thing => ({
  system: 'github:acme',
  kind: 'deploy key',
  id: 'key acme/desk 1',
  name: 'deploy',
  where: 'acme/desk',
  madeAt: daysAgo(400),
  lastUsedAt: daysAgo(3),
  isUseTold: true,
  endsAt: null,
  neverEnds: true,
  creator: 'maya',
  creatorDid: 'added it',
  creatorWeight: 0.6,
  group: 'access',
  ours: false,
  notes: [],
  ...is,
})

function judged(is: Partial<Thing>, more: { people?: string[]; known?: string } = {}) {
  const facts = newFacts()
  if (more.people) facts.people.set('github:acme', new Set(more.people))
  return judge(thing(is), { facts, known: readKnown(more.known ?? ''), now })
}

describe('an owner', () => {
  test('is who added it, with the evidence', () => {
    const { ownerCandidates, isOwnerless } = judged({}, { people: ['maya'] })
    expect(ownerCandidates).toEqual([{ who: 'maya', evidence: 'added it', weight: 0.6 }])
    expect(isOwnerless).toBe(false)
  })
  test('is nobody where that person is no member any more, and is still shown', () => {
    const { ownerCandidates, isOwnerless } = judged({ creator: 'Tom' }, { people: ['maya'] })
    expect(ownerCandidates[0]).toMatchObject({ who: 'Tom', weight: 0 })
    expect(ownerCandidates[0]?.evidence).toContain('no member any more')
    expect(isOwnerless).toBe(true)
  })
  test('is not said to have left where members could not be seen', () => {
    expect(judged({ creator: 'Tom' }).isOwnerless).toBe(false)
  })
  test('is no bot', () => {
    expect(judged({ creator: 'deploy[bot]' }).isOwnerless).toBe(true)
  })
  test('is nobody where there is no evidence', () => {
    expect(judged({ creator: null })).toMatchObject({ isOwnerless: true, ownerCandidates: [] })
  })
  test('of a job is who CODEOWNERS names for workflows, before who changed it last', () => {
    const facts = newFacts()
    const text = '* @maya\n/docs @docs\n.github/workflows/ @acme/platform # not @me'
    facts.repositories.set('acme/desk', { ...parseOwners(text), reads: new Set() })
    const job = thing({
      creator: null,
      path: '.github/workflows/a.yml',
      changedBy: { who: 'tom', at: daysAgo(9) },
    })
    const { ownerCandidates } = judge(job, { facts, known: new Map(), now })
    expect(ownerCandidates.map(({ who }) => who)).toEqual(['acme/platform', 'tom'])
    const key = judge(thing({ creator: null }), { facts, known: new Map(), now })
    expect(key.ownerCandidates.map(({ who }) => who)).toEqual(['maya'])
  })
})

describe('a thing is', () => {
  test('unknown unless somebody wrote it down, or it is ours', () => {
    expect(judged({}).isKnown).toBe(false)
    expect(judged({ ours: true })).toMatchObject({ isKnown: true, isOwnerless: false })
    const list = '# ours\nkey acme/desk 1\tAmara\n'
    const known = judged({ creator: null }, { known: list, people: ['maya'] })
    expect(known).toMatchObject({ isKnown: true, isOwnerless: false })
    expect(known.ownerCandidates[0]).toMatchObject({ who: 'Amara', weight: 1 })
    expect(judged({}, { known: 'key acme/desk 10' }).isKnown).toBe(false)
  })
  test('unused since its last use, or since it was made where it never was', () => {
    expect(judged({}).unusedDays).toBe(3)
    expect(judged({ lastUsedAt: null }).unusedDays).toBe(400)
    expect(judged({ lastUsedAt: null, isUseTold: false }).unusedDays).toBeNull()
  })
  test('unnamed where every workflow was read and none names it, and not otherwise', () => {
    const secret = thing({ kind: 'Actions secret', name: 'Old_Key', where: 'acme/desk · prod' })
    const named = (reads: ReadonlySet<string> | undefined) => {
      const facts = newFacts()
      facts.repositories.set('acme/desk', { owners: [], workflowOwners: [], reads })
      return judge(secret, { facts, known: new Map(), now }).isUnnamed
    }
    expect(named(new Set())).toBe(true)
    expect(named(new Set(['OLD_KEY']))).toBe(false)
    expect(named(undefined)).toBe(false)
    expect(judged({ kind: 'Actions secret' }).isUnnamed).toBe(false)
  })
  test('an old key of a cloud after 90 days, where it has no end', () => {
    const key = { kind: 'access key', neverEnds: true }
    expect(isOldKey(judged({ ...key, madeAt: daysAgo(91) }))).toBe(true)
    expect(isOldKey(judged({ ...key, madeAt: daysAgo(90) }))).toBe(false)
    expect(isOldKey(judged({ ...key, madeAt: null }))).toBe(false)
    expect(isOldKey(judged({ ...key, neverEnds: false, madeAt: daysAgo(91) }))).toBe(false)
    // Its age counts there as well, and is no finding by itself.
    expect(isOldKey(judged({ kind: 'deploy key', madeAt: daysAgo(91) }))).toBe(false)
  })
  test('the worse, the earlier it stands', () => {
    const cloud = judged({ recipe: 'aws', creator: null })
    const unused = judged({ lastUsedAt: daysAgo(200) })
    const fine = judged({ ours: true, neverEnds: false })
    expect(cloud.rank).toBeGreaterThan(unused.rank)
    expect(unused.rank).toBeGreaterThan(fine.rank)
    expect(judged({ notes: ['lets in 999988887777'] }).rank).toBeGreaterThan(judged({}).rank)
  })
})
