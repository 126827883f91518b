/** What a file can leave out and a system can do wrong: nothing of it is ever called gone. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import type { Json, JsonObject } from '../../src/core/base/json.ts'
import { isProblem } from '../../src/core/base/problem.ts'
import { addSeconds, toSeconds } from '../../src/core/base/time.ts'
import { judge } from '../../src/core/target/judge.ts'
import type { IssueOrder, Target, VerifyOrder } from '../../src/core/target/target.ts'
import { type FakeKeyring, plantKey, startFakeKeyring } from '../../test/fakes/declared.ts'
import { handClock } from '../../test/support/clock.ts'
import { fileOf, keyringConfig } from '../../test/support/kit/declared.ts'
import { declaredConnector } from './declared.ts'

const soon = () => AbortSignal.timeout(10_000)
const clock = handClock()
let keyring: FakeKeyring
beforeEach(async () => {
  keyring = await startFakeKeyring(clock)
})
afterEach(async () => {
  await keyring.close()
})

type Change = Readonly<Record<string, Json | undefined>>
/** With other members than the file that ships; undefined takes one out. */
function open(change: Change = {}, more: object = {}): Target {
  const whole = { ...(parse(fileOf('keyring')) as JsonObject), ...change }
  const file = Object.fromEntries(Object.entries(whole).filter(([, value]) => value !== undefined))
  const config = { ...keyringConfig(keyring), file, ...more } as unknown as Json
  return declaredConnector.open(declaredConnector.parseConfig(config), clock)
}

let count = 0
function newOrder(): IssueOrder {
  return {
    principal: `lh_ab12cd_deals_${count++}`,
    holder: 'lhg_ab12cd_1',
    owner: 'lho_ab12cd_1',
    object: { project: 'deals' },
    actions: ['read'],
    columns: [],
    secret: 'derived-and-never-used',
    deadline: addSeconds(clock.now(), 10),
    endsAt: addSeconds(clock.now(), 900),
  }
}
async function issued(target: Target) {
  const order = newOrder()
  const { secret = '', acceptedPath } = await target.issue(order, soon())
  return { ...order, secret, acceptedPath }
}
const look = (target: Target, order: VerifyOrder) => target.verifyGone(order, soon())

describe('what the file does not declare', () => {
  const listless = { list: undefined, renew: undefined, hold: undefined, release: undefined }
  test.each([
    ['', 'verified-gone', {}, {}],
    ['no list', 'unreachable', { ...listless, end: [self] }, {}],
    ['no call that tries the credential', 'revoked-unverified', { check: undefined }, {}],
    ['no `probe` to compare with', 'revoked-unverified', {}, { probe: undefined }],
    ['nothing about `sessions`', 'revoked-unverified', { sessions: undefined }, {}],
  ] as const)('with %s an end is %s, and it says so', async (says, state, change, more) => {
    const target = open(change, more)
    const lease = await issued(target)
    // By hand: what is asked here is what a look makes of it.
    for (const key of keyring.living()) key.endedAt = clock.now()
    const evidence = await look(target, lease)
    expect(judge(evidence)).toBe(state)
    expect(evidence.because ?? '').toContain(says)
    const canary = await target.preflight(soon())
    if (canary.ok) expect(canary.steps.at(-1)?.detail ?? '').toContain(says)
  })

  test('each way that is there is told, and no other', () => {
    const both = open().describe().paths
    expect(both).toEqual([
      'what is listed there (GET /teams/{setting.team}/keys)',
      'the credential itself (GET /whoami)',
    ])
    expect(open({ check: undefined }).describe().paths).toEqual([both[0]])
    expect(open({ renew: undefined }).describe().canRenew).toBe(false)
    expect(open({ hold: undefined, release: undefined }).describe().canHold).toBe(false)
    const item = { id: '/key_id' }
    const list = { ...(parse(fileOf('keyring')).list as JsonObject), item }
    const nameless = { list, hold: undefined, release: undefined, renew: undefined, end: [self] }
    expect(open(nameless as unknown as Change).describe().isNameless).toBe(true)
  })
})
const self = { method: 'DELETE', path: '/teams/{setting.team}/keys/{principal}' }

describe('what is gone', () => {
  test('and is brought back by somebody is still there', async () => {
    const target = open()
    const lease = await issued(target)
    await target.end(lease, soon())
    expect(judge(await look(target, lease))).toBe('verified-gone')
    keyring.undelete(lease.principal)
    expect(judge(await look(target, lease))).toBe('still-there')
    await target.end(lease, soon())
    expect(judge(await look(target, lease))).toBe('verified-gone')
  })

  test('may stay in the list where the list says that it is over', async () => {
    keyring.keepsEnded = true
    const target = open()
    const lease = await issued(target)
    await target.end(lease, soon())
    expect(judge(await look(target, lease))).toBe('verified-gone')
    const { found } = await target.inventory(null, soon())
    expect(found).toEqual([])
  })

  test('is looked for on every page, by its name and by its own id', async () => {
    for (let i = 0; i < 120; i++) plantKey(keyring, `other_${i}`)
    const target = open()
    const lease = await issued(target)
    expect((await look(target, { ...lease, principal: 'lh_other' })).listed).toBe('absent')
    expect((await look(target, lease)).listed).toBe('present')
    const renamed = [...keyring.keys.values()].find(key => key.label === lease.principal)
    Object.assign(renamed ?? {}, { label: 'by hand' })
    expect((await look(target, lease)).listed).toBe('present')
  })

  test('is not said of one whose name only looks like ours', async () => {
    const target = open()
    const lease = await issued(target)
    plantKey(keyring, lease.principal.replace('a', 'а'))
    await target.end(lease, soon())
    expect(judge(await look(target, lease))).toBe('verified-gone')
    const { found } = await target.inventory(null, soon())
    expect(found.map(({ ours, kind }) => ({ ours, kind }))).toEqual([{ ours: false, kind: 'key' }])
  })

  test('a resource that does not fit its file any more stops no end, and no look', async () => {
    const lease = await issued(open())
    const target = open({ object: { project: 'word', region: 'word' } }, { canary: canaries })
    await expect(target.issue(newOrder(), soon())).rejects.toMatchObject({ code: 'invalid-field' })
    await target.end(lease, soon())
    expect(judge(await look(target, lease))).toBe('verified-gone')
  })
})
const canaries = { project: 'canary', region: 'eu' }

describe('a name', () => {
  test('that is there with another secret is not taken over', async () => {
    const target = open()
    const order = newOrder()
    plantKey(keyring, order.principal)
    await expect(target.issue(order, soon())).rejects.toThrow(/not brought back/)
    expect(keyring.keys.size).toBe(1)
  })

  test('that is there twice is ended twice, and is not prolonged', async () => {
    const target = open()
    const lease = await issued(target)
    const other = plantKey(keyring, lease.principal)
    await expect(target.renew(lease, soon())).rejects.toThrow(/more than one/)
    await target.end(lease, soon())
    expect(other.endedAt).not.toBeNull()
    expect(judge(await look(target, lease))).toBe('verified-gone')
  })
})

describe('a canary', () => {
  const failing = async (change: Change, more: object = {}) => {
    const { ok, steps } = await open(change, more).preflight(soon())
    expect(ok).toBe(false)
    expect(keyring.living()).toEqual([])
    return steps.at(-1)
  }
  const check = parse(fileOf('keyring')).check as JsonObject

  test('finds out a call that lets everybody in', async () => {
    const status = { status: [200, 401] }
    const step = await failing({
      check: { ...check, accepted: status, refused: { status: [403] } },
    })
    expect(step?.name).toBe('one that nobody made is refused')
  })

  test('finds out a call that says the same to both', async () => {
    const both = { status: [200, 401] }
    const step = await failing({ check: { ...check, accepted: both, refused: both } })
    expect(step?.detail).toMatch(/unclear/)
  })

  test('finds out a probe that is nobody’s', async () => {
    const step = await failing({}, { probe: 'kr_nobody_made_this_one' })
    expect(step?.name).toBe('one of nobody’s lease is accepted')
  })

  test('finds out a list that reads the wrong name', async () => {
    const list = parse(fileOf('keyring')).list as { item: JsonObject }
    const wrong = { ...list, item: { ...list.item, name: '/made_by/name' } }
    const { ok } = await open({ list: wrong as unknown as Json }).preflight(soon())
    expect(ok).toBe(false)
  })

  test('takes away those of a server that was killed, and nothing else', async () => {
    const old = `lh_canary_${toSeconds(clock.now()) - 301}_00ff`
    const young = `lh_canary_${toSeconds(clock.now()) - 5}_00ff`
    for (const name of [old, young, 'lh_ab12cd_canary_1', 'canary']) plantKey(keyring, name)
    expect((await open().preflight(soon())).ok).toBe(true)
    const left = keyring.living().map(({ label }) => label)
    expect(left).toEqual([young, 'lh_ab12cd_canary_1', 'canary'])
  })

  test('does not take a list in trouble for the end', async () => {
    const target = open({ check: undefined })
    const isEnded = () => keyring.asked.some(asked => asked.startsWith('DELETE '))
    const isList = (asked: string) => /^GET .*\/keys$/.test(asked)
    keyring.fault = asked => (isList(asked) && isEnded() ? { status: 503 } : undefined)
    const { ok, steps } = await target.preflight(soon())
    expect(ok).toBe(false)
    expect(steps.at(-1)).toMatchObject({ name: 'it is refused and gone', ok: false })
    keyring.fault = () => undefined
  })

  test('finds out an end that does nothing', async () => {
    keyring.ending = 'lies'
    const { ok, steps } = await open().preflight(soon())
    expect(ok).toBe(false)
    expect(steps.at(-1)).toMatchObject({ name: 'it is refused and gone', ok: false })
  })
})

test('no error, path or description of it holds a secret', async () => {
  const target = open()
  const lease = await issued(target)
  const said: unknown[] = [target.describe(), lease.acceptedPath, await look(target, lease)]
  keyring.adminMay = []
  for (const verb of ['renew', 'end'] as const)
    said.push(await target[verb](lease, soon()).catch((thrown: unknown) => thrown))
  keyring.fault = () => ({ status: 500 })
  said.push(await target.issue(newOrder(), soon()).catch((thrown: unknown) => thrown))
  const text = said
    .map(each =>
      isProblem(each)
        ? JSON.stringify([each.message, each.detail, each.next, each.log])
        : JSON.stringify(each),
    )
    .join()
  for (const secret of [lease.secret, keyring.adminToken, keyring.probe])
    expect(text).not.toContain(secret)
  expect(keyring.asked.join()).not.toContain(lease.secret)
})
