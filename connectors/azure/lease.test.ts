/** What the kit does not ask, because no other system is like this one. */
import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { decodeJwt } from 'jose'
import { beforeEach, describe, expect, test } from 'vitest'
import { isProblem } from '../../src/core/base/problem.ts'
import { addSeconds } from '../../src/core/base/time.ts'
import { judge } from '../../src/core/target/judge.ts'
import type { IssueOrder, Target } from '../../src/core/target/target.ts'
import { newApp } from '../../test/fakes/azure/state.ts'
import { type FakeAzure, startFakeAzure } from '../../test/fakes/azure.ts'
import { type HandClock, handClock } from '../../test/support/clock.ts'
import { azureConnector } from './azure.ts'

let clock: HandClock
let azure: FakeAzure
let target: Target
const soon = () => AbortSignal.timeout(14_000)
const connector = azureConnector()
const roles = { read: ['Reader'], write: ['Tag Contributor'] }
const [reader, tagger] = [
  'acdd72a7-3385-48ef-bd42-f606fba81ae7',
  '4a9ae827-6dc8-4573-8ac7-8239d42aa03f',
]

beforeEach(async () => {
  clock = handClock()
  azure = await startFakeAzure(clock)
  target = connector.open(connector.parseConfig(azure.config), clock)
  return async () => {
    await target.close()
    expect(azure.breaches).toEqual([])
    await azure.close()
  }
})

const objectOf = (resourceGroup = 'deals') => ({
  subscription: azure.subscription,
  resourceGroup,
  roles,
})
const scopeOf = (group = 'deals') => `/subscriptions/${azure.subscription}/resourceGroups/${group}`

function orderOf(change: Partial<IssueOrder> = {}): IssueOrder {
  return {
    principal: 'lh_test_desk',
    holder: 'lhg_test',
    owner: 'lho_test',
    object: objectOf(),
    actions: ['read'],
    columns: [],
    secret: 'derived-and-never-used',
    deadline: addSeconds(clock.now(), 10),
    endsAt: addSeconds(clock.now(), 900),
    ...change,
  }
}

async function issueNew(change: Partial<IssueOrder> = {}) {
  const order = orderOf(change)
  await target.ensureHolder(order, soon())
  const issued = await target.issue(order, soon())
  return { ...order, secret: issued.secret ?? '', acceptedPath: issued.acceptedPath }
}

async function faultOf(work: Promise<unknown>) {
  const thrown: unknown = await work.catch((e: unknown) => e)
  if (!isProblem(thrown)) throw new Error(`no Problem: ${String(thrown)}`)
  const told = `${thrown.code} ${thrown.detail} ${thrown.next ?? ''}`
  expect(told).not.toMatch(/eyJ|127\.0\.0\.1|Azure says/)
  return told
}
const appOf = (name: string) => [...azure.apps.values()].find(each => each.uniqueName === name)
const rolesOf = (name: string, scope = scopeOf()) => {
  const own = [...azure.principals.values()].find(each => each.displayName === name)
  const all = [...azure.assignments.values()]
  return all.filter(each => each.principalId === own?.id && each.scope === scope).map(e => e.role)
}

describe('an application of a lease', () => {
  test('has the role of its grant, one token for Resource Manager, and nothing to fetch another with', async () => {
    const lease = await issueNew()
    expect(rolesOf('lh_test_desk')).toEqual([reader])
    expect(decodeJwt(lease.secret).aud).toBe('https://management.azure.com')
    expect(appOf('lh_test_desk')?.passwords).toEqual([])
    expect(azure.living()).toEqual([lease.secret])
  })

  test('whose secret could not be removed is left for five minutes, and goes with the lease', async () => {
    azure.fault = asked => (asked.endsWith('removePassword') ? { status: 500 } : undefined)
    const lease = await issueNew()
    const [left] = appOf('lh_test_desk')?.passwords ?? []
    expect(left?.endDateTime).toBe(addSeconds(clock.now(), 300))
    await target.end(lease, soon())
    expect(appOf('lh_test_desk')).toBeUndefined()
  })

  test('that a command makes too late has no right and no token, and is found by its name', async () => {
    const order = orderOf()
    await target.ensureHolder(order, soon())
    const held = Promise.withResolvers<void>()
    let isHeld = false
    azure.stall = async asked => {
      if (!asked.startsWith('PATCH ')) return
      isHeld = true
      await held.promise
    }
    const sender = new AbortController()
    const sent = faultOf(target.issue(order, sender.signal))
    await expect.poll(() => isHeld).toBe(true)
    sender.abort()
    expect(await sent).toMatch(/target-unavailable/)
    clock.advance(10_001)
    held.resolve()
    await wait(50)
    expect(appOf('lh_test_desk')).toBeDefined()
    expect(azure.living()).toEqual([])
    const { found } = await target.inventory(null, soon())
    expect(found).toContainEqual(
      expect.objectContaining({ kind: 'principal', name: 'lh_test_desk', ours: true }),
    )
  })

  test('is given no right by a command that goes on after its deadline', async () => {
    await target.ensureHolder(orderOf(), soon())
    azure.stall = async asked => {
      if (asked.startsWith('PATCH ')) clock.advance(10_001)
    }
    expect(await faultOf(target.issue(orderOf(), soon()))).toMatch(/target-refused.*deadline/)
    expect(rolesOf('lh_test_desk')).toEqual([])
  })

  test('is given no right by a command that is tried again after its deadline', async () => {
    await target.ensureHolder(orderOf(), soon())
    azure.stall = async asked => {
      const app = appOf('lh_test_desk')
      if (!asked.startsWith('PUT ') || app === undefined) return
      app.unheard = 1
      clock.advance(10_001)
    }
    expect(await faultOf(target.issue(orderOf(), soon()))).toMatch(/target-refused.*deadline/)
    expect(rolesOf('lh_test_desk')).toEqual([])
  })

  test.each([false, true])(
    'that replicas have not heard of is waited for, and so are its rights (as a refusal: %s)',
    async refusesNew => {
      await target.ensureHolder(orderOf(), soon())
      azure.refusesNew = refusesNew
      azure.unheard = 4
      azure.slowRights = 2
      await target.issue(orderOf(), soon())
      expect(azure.living()).toHaveLength(1)
    },
  )

  test('is refused where the subscription may have no more assignments, with what to do', async () => {
    await target.ensureHolder(orderOf(), soon())
    azure.mostAssignments = 1
    expect(await faultOf(target.issue(orderOf(), soon()))).toMatch(/target-refused.*4,000/)
    await target.end(orderOf(), soon())
    expect([...azure.apps.values()].map(each => each.uniqueName)).toEqual(['lhg_test'])
  })

  test('is not renewed past what Entra gave it', async () => {
    const lease = await issueNew()
    const endsAt = addSeconds(clock.now(), 5_200)
    expect(await faultOf(target.renew({ ...lease, endsAt }, soon()))).toMatch(/before that/)
    expect((await target.renew(lease, soon())).diesAt).toMatch(/^2026-11-22T15/)
  })
})

describe('a pause', () => {
  test('takes what the token may do, and its end gives back what the grant has by then', async () => {
    const lease = await issueNew({ actions: ['read', 'write'] })
    expect(rolesOf('lh_test_desk').sort()).toEqual([tagger, reader].sort())
    await target.hold('lh_test_desk', soon())
    expect(rolesOf('lh_test_desk')).toEqual([])
    await target.ensureHolder({ ...lease, actions: ['read'] }, soon())
    await target.release('lh_test_desk', soon())
    expect(rolesOf('lh_test_desk')).toEqual([reader])
  })

  test('gives back no role that was not named when Azure was connected', async () => {
    await issueNew()
    await target.hold('lh_test_desk', soon())
    const holder = [...azure.principals.values()].find(each => each.displayName === 'lhg_test')
    const facts = { name: randomUUID(), scope: scopeOf(), role: randomUUID(), description: '' }
    const more = {
      ...facts,
      principalId: holder?.id ?? '',
      endedAt: null,
      ending: 'honest',
    } as const
    azure.assignments.set(more.name, more)
    await target.release('lh_test_desk', soon())
    expect(rolesOf('lh_test_desk')).toEqual([reader])
  })

  test('ends nowhere else than where the lease was, whatever somebody writes beside it', async () => {
    await issueNew()
    const app = appOf('lh_test_desk')
    const notes = JSON.stringify({ of: 'lhg_test', at: scopeOf('other') })
    if (app) azure.apps.set(app.id, { ...app, notes })
    await target.release('lh_test_desk', soon())
    expect(rolesOf('lh_test_desk', scopeOf('other'))).toEqual([])
    if (app) azure.apps.set(app.id, { ...app, notes: '{"of":"lhg_test","at":"/x"}' })
    expect(await faultOf(target.hold('lh_test_desk', soon()))).toMatch(/not ours/)
  })
})

describe('a grant', () => {
  test('to whose application somebody gave a credential is not used, nor is a lease of that kind', async () => {
    await target.ensureHolder(orderOf(), soon())
    const key = { keyId: randomUUID(), endDateTime: addSeconds(clock.now(), 900) }
    appOf('lhg_test')?.keys.push(key)
    expect(await faultOf(target.ensureHolder(orderOf(), soon()))).toMatch(/gave `lhg_test` a cred/)
    newApp(azure, { displayName: 'lh_test_desk', uniqueName: 'lh_test_desk', keys: [key] })
    expect(await faultOf(target.issue(orderOf(), soon()))).toMatch(/gave `lh_test_desk` a cred/)
    expect(rolesOf('lh_test_desk')).toEqual([])
  })

  test('that somebody gave more is not used until that is taken back', async () => {
    await target.ensureHolder(orderOf(), soon())
    const holder = [...azure.principals.values()].find(each => each.displayName === 'lhg_test')
    const facts = { name: randomUUID(), scope: scopeOf(), role: tagger, description: '' }
    const more = {
      ...facts,
      principalId: holder?.id ?? '',
      endedAt: null,
      ending: 'honest',
    } as const
    azure.assignments.set(more.name, more)
    expect(await faultOf(target.issue(orderOf(), soon()))).toMatch(new RegExp(`has ${tagger}`))
    expect(appOf('lh_test_desk')).toBeUndefined()
    await target.ensureHolder(orderOf(), soon())
    expect(rolesOf('lhg_test')).toEqual([reader])
  })

  test('that others deleted is made again, and what they left of it taken', async () => {
    await target.ensureHolder(orderOf(), soon())
    azure.apps.clear()
    azure.principals.clear()
    await target.ensureHolder(orderOf(), soon())
    expect(rolesOf('lhg_test')).toEqual([reader])
    expect(azure.assignments.size).toBe(1)
  })

  test('can be signed in as by nobody', async () => {
    await target.ensureHolder(orderOf(), soon())
    const [holder] = azure.principals.values()
    expect(holder).toMatchObject({ displayName: 'lhg_test', accountEnabled: false })
    expect(appOf('lhg_test')).toMatchObject({ passwords: [], trusts: [] })
  })

  test('of a role that was not named when Azure was connected is refused, and one of columns', async () => {
    const object = { ...objectOf(), roles: { read: ['Contributor'] } }
    expect(await faultOf(target.ensureHolder(orderOf({ object }), soon()))).toMatch(/not among/)
    expect(await faultOf(target.ensureHolder(orderOf({ actions: ['spend'] }), soon()))).toMatch(
      /does not say what `spend`/,
    )
    expect(await faultOf(target.ensureHolder(orderOf({ columns: ['ID'] }), soon()))).toMatch(
      /no columns/,
    )
    expect(azure.assignments.size).toBe(0)
  })

  test('on a resource group that is not there is refused', async () => {
    const order = orderOf({ object: objectOf('nobodys') })
    expect(await faultOf(target.ensureHolder(order, soon()))).toMatch(/target-refused/)
  })

  test('leaves neither an assignment nor a deleted application', async () => {
    await target.ensureHolder(orderOf(), soon())
    await target.removeHolder('lhg_test', soon())
    expect([azure.apps.size, azure.principals.size, azure.assignments.size]).toEqual([0, 0, 0])
  })
})

describe('an end', () => {
  test('is not proven while what was deleted can be brought back', async () => {
    const lease = await issueNew()
    azure.fault = asked => (/^DELETE .*deletedItems/.test(asked) ? { status: 500 } : undefined)
    expect(await faultOf(target.end(lease, soon()))).toMatch(/target-unavailable/)
    const seen = await target.verifyGone(lease, soon())
    expect(seen).toMatchObject({ listed: 'absent', credential: 'refused' })
    expect(seen.residue.join(' ')).toMatch(/deleted and not purged/)
    expect(judge(seen)).toBe('still-there')
    azure.fault = () => undefined
    await target.end(lease, soon())
    expect(judge(await target.verifyGone(lease, soon()))).toBe('verified-gone')
  })

  test('takes the application also where its rights could not be taken, and is done by doing it again', async () => {
    const lease = await issueNew()
    azure.fault = asked => (/^DELETE .*roleAssignments/.test(asked) ? { status: 500 } : undefined)
    expect(await faultOf(target.end(lease, soon()))).toMatch(/target-unavailable/)
    expect(appOf('lh_test_desk')).toBeUndefined()
    // Azure judges by the assignment alone: the token still opens what it names.
    const seen = await target.verifyGone(lease, soon())
    expect(seen).toMatchObject({ listed: 'present', credential: 'accepted' })
    azure.fault = () => undefined
    await target.end(lease, soon())
    expect(judge(await target.verifyGone(lease, soon()))).toBe('verified-gone')
  })

  test('is unknown where applications or assignments are not shown to us', async () => {
    const lease = await issueNew()
    await target.end(lease, soon())
    for (const right of ['Application.Read.All', 'Microsoft.Authorization/roleAssignments/read']) {
      azure.lacks.add(right)
      const seen = await target.verifyGone(lease, soon())
      expect(seen).toMatchObject({ listed: 'unknown', sessions: null })
      expect(judge(seen)).toBe('unreachable')
      azure.lacks.delete(right)
    }
  })

  test('is not said of a token that Azure answers with anything but a refusal', async () => {
    const lease = await issueNew()
    await target.end(lease, soon())
    azure.fault = asked => (/permissions/.test(asked) ? { status: 403 } : undefined)
    const seen = await target.verifyGone(lease, soon())
    expect(seen).toMatchObject({ credential: 'not-tried', probe: 'not-tried' })
    expect(judge(seen)).toBe('revoked-unverified')
  })

  test('of a lease whose resource group is gone is never green: nobody is let in there to compare', async () => {
    const lease = await issueNew()
    azure.groups.delete('deals')
    azure.assignments.clear()
    azure.fault = asked => (/permissions/.test(asked) ? { status: 404 } : undefined)
    await target.end(lease, soon())
    expect(judge(await target.verifyGone(lease, soon()))).toBe('revoked-unverified')
  })
})
