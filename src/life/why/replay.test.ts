import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  addGrant,
  ids,
  type SmallCompany,
  shippedBundle,
  smallCompany,
} from '../../../test/support/policy-world.ts'
import { memoryStore } from '../../../test/support/store.ts'
import { sha256Hex } from '../../core/base/hash.ts'
import type {
  AnyId,
  DecisionId,
  IdentityId,
  LeaseId,
  ResourceId,
  TaskId,
} from '../../core/base/ids.ts'
import type { DataAction, DecisionRecord } from '../../core/base/permit.ts'
import { isProblem } from '../../core/base/problem.ts'
import { entryKind } from '../../core/ledger/kind.ts'
import { type LedgerWorld, recorded } from '../../core/ledger/record.ts'
import { openBundle, withFile } from '../../core/policy/bundle.ts'
import { decide, decideLease } from '../../core/policy/decide.ts'
import { installPolicies } from '../../core/policy/in-force.ts'
import { recordDenial } from '../../core/policy/record.ts'
import type { Store } from '../../core/store/store.ts'
import { sealBatch } from '../records/seal.ts'
import { replayDecisions, replayLog, whyDenied } from './replay.ts'
import { findDecision, listDecisions } from './rows.ts'

const stricter = readFileSync(new URL('../../../demo/stricter.cedar', import.meta.url), 'utf8')

function use({ world }: SmallCompany, resource: string, ...actions: DataAction[]) {
  return decideLease(world, 'lease.issue', {
    identityId: ids.run as string as IdentityId,
    taskId: ids.task as string as TaskId,
    resourceId: resource as ResourceId,
    actions,
    leaseId: 'ls_1' as LeaseId,
  })
}

/** A day: some yes, some no, of every form. */
function decisionsOf(company: SmallCompany): DecisionRecord[] {
  addGrant(company.change, 'gr_sandbox', ids.sandbox, ['write'])
  const { world } = company
  const about = { type: 'app', id: ids.app as string as AnyId } as const
  const person = (id: string) => ({ kind: 'person', id }) as never
  return [
    use(company, ids.deals, 'read'),
    use(company, ids.contacts, 'write'),
    use(company, ids.sandbox, 'write'),
    use(company, 'rs_none', 'read'),
    decide(world, { actor: person(ids.maya), action: 'app.end', about }),
    decide(world, { actor: person(ids.aud), action: 'app.end', about }),
    decide(world, { actor: person('pe_none'), action: 'app.end', about }),
    decide(world, {
      actor: { kind: 'system', id: 'sy_app-sweep' as never },
      action: 'app.end',
      about,
    }),
  ].map(decision => decision.record)
}

describe('played again', () => {
  const records = decisionsOf(smallCompany())
  const held = shippedBundle()
  const bundleOf = (hash: string) => (hash === held.hash ? held : undefined)

  it('under the rules of that moment every decision is the same, byte for byte', () => {
    expect(replayDecisions(records, bundleOf, null)).toEqual({
      decisions: records.length,
      identical: records.length,
      differing: [],
      changed: [],
    })
  })

  it('under the stricter rule the read of the deals turns, at line 6', () => {
    const changed = openBundle(withFile(held.text, stricter))
    expect(replayDecisions(records, bundleOf, changed)).toMatchObject({
      identical: records.length,
      changed: [
        {
          decisionId: records[0]?.id,
          what: 'deal-desk read crm.deals',
          from: 'yes',
          to: 'no',
          rule: 'deals-need-review',
          line: 6,
        },
      ],
    })
  })

  it('under a wider rule what would be allowed is shown too', () => {
    const wider =
      '@id("anybody-ends")\n@says("Anybody ends.")\npermit (principal, action == Action::"app.end", resource);'
    const { changed } = replayDecisions(records, bundleOf, openBundle(withFile(held.text, wider)))
    expect(changed).toMatchObject([
      { what: 'app.end deal-desk', from: 'no', to: 'yes', rule: 'anybody-ends', line: 1 },
    ])
  })

  it.each([
    ['an outcome', (body: string) => body.replace('"allowed":true', '"allowed":false')],
    ['a fact', (body: string) => body.replace('"stage":"prototype"', '"stage":"managed"')],
    ['a rule', (body: string) => body.replace('prototype-read', 'prototype-reed')],
    ['its rules', (body: string) => body.replace(held.hash, sha256Hex('other'))],
    ['its form', (body: string) => body.slice(1)],
    ['a space', (body: string) => `${body} `],
  ])('a record with %s changed is not the same', (_, tamper) => {
    const [first] = records
    if (first === undefined) throw new Error('there are records')
    const body = tamper(first.body)
    expect(body).not.toBe(first.body)
    const { identical, differing } = replayDecisions([{ ...first, body }], bundleOf, null)
    expect({ identical, differing }).toEqual({ identical: 0, differing: [first.id] })
  })
})

async function listAll(store: Store): Promise<DecisionRecord[]> {
  const all: DecisionRecord[] = []
  for (;;) {
    const page = await listDecisions(store, all.at(-1) ?? null)
    if (page.length === 0) return all
    all.push(...page)
  }
}

describe('the log', () => {
  let store: Store
  let company: SmallCompany
  let ledger: LedgerWorld
  beforeAll(async () => {
    store = await memoryStore()
    company = smallCompany()
    ledger = { store, clock: company.clock, replica: company.world.replica, poke: () => {} }
    await installPolicies(ledger)
  })
  afterAll(() => store.close())

  it('is played again from what was recorded, page by page', async () => {
    const records = Array.from({ length: 205 }, () => use(company, ids.deals, 'read').record)
    await recorded(ledger, async scope => {
      scope.decided(...records)
      scope.entry({ kind: entryKind('test.many', 'decided a lot'), by: ids.run as never })
    })
    const kept = Array.from({ length: 407 }, (_, nth) => {
      if (nth % 3 === 0) company.clock.advance(1)
      const { record } = use(company, ids.deals, 'read')
      return { ...record, kind: nth < 400 ? ('own' as const) : ('app' as const) }
    })
    await sealBatch(ledger, { segment: 's', from: 0, to: 1, records: kept, damaged: 0 })
    const world = { ...company.world, store }
    // Those of both tables, many of one instant, each once; what apps decide for themselves is not ours.
    const played = await listAll(store)
    expect(played.map(({ id }) => id).toSorted()).toEqual(
      [...records, ...kept.slice(0, 400)].map(({ id }) => id).toSorted(),
    )
    expect(played.map(({ at }) => at)).toEqual(played.map(({ at }) => at).toSorted())
    const replay = await replayLog(world, null)
    expect(replay).toEqual({
      isAll: true,
      decisions: 605,
      identical: 605,
      differing: [],
      changed: [],
    })
    const changed = new Set((await replayLog(world, stricter)).changed.map(flip => flip.decisionId))
    expect(changed.size).toBe(605)
  })

  it('keeps a denial with one entry that names the rule and seals the record', async () => {
    const { record } = use(company, ids.contacts, 'write')
    await recordDenial(ledger, record, { door: 'api' })
    const [entry] = await store.query<{ kind: string; facts: string; subjects: string[] }>(
      'select kind, facts, subjects from ledger_inbox where $1 = any(subjects)',
      [record.id],
    )
    expect(entry?.kind).toBe('decision.deny')
    expect(entry?.subjects).toEqual(expect.arrayContaining([ids.app, ids.task]))
    const facts = JSON.parse(entry?.facts ?? '') as {
      decisions: unknown
      rule: string
      door: string
    }
    expect(facts).toMatchObject({
      door: 'api',
      rule: 'customer-data-write',
      decisions: [{ id: record.id, hash: record.hash }],
    })
    expect(await findDecision(store, record.id)).toEqual(record)
  })

  it('tells why from the record, and nothing about a yes or an unknown decision', async () => {
    const world = { ...company.world, store }
    const { record } = use(company, ids.contacts, 'write')
    await recordDenial(ledger, record)
    expect(await whyDenied(world, record.id)).toMatchObject({ rule: 'customer-data-write' })
    expect(await whyDenied(world, 'dc_none' as DecisionId)).toBeUndefined()
  })

  it('a rule that can not be evaluated is a finding', async () => {
    const broken =
      '@id("broken")\n@says("Overflows.")\nforbid (principal, action == Action::"read", resource) when { context.holds + 9223372036854775807 > context.ageMs };'
    company.change('hold', 'ho_9', { scope: 'app', about: ids.app, setBy: ids.ines, state: 'set' })
    company.use(openBundle(withFile(shippedBundle().text, broken)))
    const { record } = use(company, ids.deals, 'read')
    await recordDenial(ledger, record)
    const found = await store.query<{ kind: string; severity: string }>(
      'select kind, severity from finding where about = $1',
      [record.id],
    )
    expect(found).toEqual([{ kind: 'policy-error', severity: 'high' }])
  })

  it('a file that is no policy is refused with its line, and nothing is written', async () => {
    const world = { ...company.world, store }
    const count = async () => (await store.query('select 1 from ledger_inbox')).length
    const before = await count()
    const thrown = await replayLog(world, 'permit (\nprincipal;').catch((error: unknown) => error)
    expect(isProblem(thrown, 'invalid-field') && thrown.detail).toContain('line 2')
    await replayLog(world, stricter)
    expect(await count()).toBe(before)
  })
})
