/**
 * The conformance kit: what every connector must do, run by each against a real or faithful system.
 *
 * A test in everything but its name: it takes vitest, product code never imports it. A connector's
 * own test gives it a fixture, and the fixture's `outside` is the oracle: what somebody sees at the
 * target without us.
 */
import { randomBytes } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Json } from '../../src/core/base/json.ts'
import { isProblem, type Problem } from '../../src/core/base/problem.ts'
import { addMs, addSeconds, systemClock, toMs } from '../../src/core/base/time.ts'
import { judge } from '../../src/core/target/judge.ts'
import type { Evidence, Found, Issued, IssueOrder, Target } from '../../src/core/target/target.ts'

export interface KitFixture {
  readonly target: Target
  /** A thing an app may ask for; of its columns two are agreed and one is not. */
  readonly object: Json
  readonly columns: readonly [string, string]
  readonly hidden: string
  signIn(issued: Issued, secret: string): Promise<KitSession>
  /** The same system behind a network that takes everything and answers nothing. */
  openHung(): Promise<Target>
  readonly outside: KitOutside
  close(): Promise<void>
}

/** A use of a credential, as its holder makes it. Each rejects where the target refuses. */
export interface KitSession {
  read(column: string): Promise<unknown>
  changeSecret(secret: string): Promise<void>
  close(): Promise<void>
}

/** What people do and see at the target without us. */
export interface KitOutside {
  has(name: string): Promise<boolean>
  drop(principal: string): Promise<void>
  /** Holds back, inside the target, whatever is done to this principal. */
  stall(principal: string): Promise<{ waiting(): Promise<number>; free(): Promise<void> }>
  /** Gives it something that a connector may not take away; answers with taking it away. */
  burden(principal: string): Promise<() => Promise<void>>
}

type Get = () => KitFixture

export function targetKit(name: string, makeTarget: () => Promise<KitFixture>): void {
  describe(`the target ${name}`, () => {
    let fixture: KitFixture | undefined
    beforeAll(async () => {
      fixture = await makeTarget()
    })
    afterAll(() => fixture?.close())
    const get = () => {
      if (fixture === undefined) throw new Error('the fixture was not made')
      return fixture
    }
    rightsCases(get)
    issueCases(get)
    fenceCases(get)
    changeCases(get)
    endCases(get)
    verifyCases(get)
    troubleCases(get)
  })
}

function rightsCases(get: Get): void {
  test('a canary lives its whole life before anything is issued', async () => {
    const { ok, steps } = await get().target.preflight(soon())
    expect(steps.filter(step => !step.ok)).toEqual([])
    expect(ok).toBe(true)
    expect(steps.length).toBeGreaterThanOrEqual(5)
  })

  test('a lease reads the columns that were agreed and no other', async () => {
    const { order, issued } = await issueNew(get())
    const session = await get().signIn(issued, order.secret)
    await session.read(get().columns[0])
    await session.read(get().columns[1])
    expect(await outcomeOf(session.read(get().hidden))).toBe('refused')
    await session.close()
  })

  test('narrowing a grant narrows what is open under it', async () => {
    const { order, issued } = await issueNew(get())
    const session = await get().signIn(issued, order.secret)
    const [kept, lost] = get().columns
    await session.read(lost)
    await get().target.ensureHolder({ ...order, columns: [kept] }, soon())
    await session.read(kept)
    expect(await outcomeOf(session.read(lost))).toBe('refused')
    await session.close()
  })

  test('many grants on one thing are made at once, each twice, without an error', async () => {
    const orders = Array.from({ length: 12 }, () => newOrder(get()))
    await Promise.all([...orders, ...orders].map(order => get().target.ensureHolder(order, soon())))
    for (const { holder } of orders) expect(await get().outside.has(holder)).toBe(true)
  })

  test('a rights holder is removed, twice if asked, and looked for', async () => {
    const order = newOrder(get())
    await get().target.ensureHolder(order, soon())
    expect((await get().target.verifyHolderGone(order.holder, soon())).listed).toBe('present')
    await get().target.removeHolder(order.holder, soon())
    await get().target.removeHolder(order.holder, soon())
    expect(await get().target.verifyHolderGone(order.holder, soon())).toMatchObject({
      listed: 'absent',
      residue: [],
    })
    expect(await get().outside.has(order.holder)).toBe(false)
  })
}

function issueCases(get: Get): void {
  test('an issued credential was accepted, and dies by itself when it says so', async () => {
    const { order, issued } = await issueNew(get())
    expect(issued.acceptedPath).not.toBe('')
    const { diesByItself } = get().target.describe()
    expect(issued.diesAt).toBe(diesByItself ? order.endsAt : null)
    await (await get().signIn(issued, order.secret)).close()
    expect(await outcomeOf(get().signIn(issued, newSecret()))).toBe('refused')
  })

  test('issuing twice makes one principal, and its credential works', async () => {
    const { order, issued } = await issueNew(get())
    expect(await get().target.issue(order, soon())).toEqual(issued)
    await (await get().signIn(issued, order.secret)).close()
    const found = await listAll(get().target)
    expect(found.filter(each => each.name === order.principal)).toHaveLength(1)
  })

  test('32 leases are issued and ended at once under one grant, without an error', async () => {
    const grant = newOrder(get())
    await get().target.ensureHolder(grant, soon())
    const orders = Array.from({ length: 32 }, () => ({ ...grant, ...newPrincipal() }))
    await Promise.all(orders.map(order => get().target.issue(order, soon())))
    await Promise.all(orders.map(order => get().target.end(order, soon())))
    for (const { principal } of orders) expect(await get().outside.has(principal)).toBe(false)
  })

  test('without its grant nothing is issued', async () => {
    const order = newOrder(get())
    await expectProblem(get().target.issue(order, soon()), 'target-refused')
    expect(await get().outside.has(order.principal)).toBe(false)
  })
}

function fenceCases(get: Get): void {
  test('the target refuses a creation after its deadline', async () => {
    const order = { ...newOrder(get()), deadline: addSeconds(systemClock.now(), -1) }
    await get().target.ensureHolder(order, soon())
    await expectProblem(get().target.issue(order, soon()), 'target-refused')
    await expectProblem(get().target.renew(order, soon()), 'target-refused')
    expect(await get().outside.has(order.principal)).toBe(false)
  })

  test('a command that arrives after recovery looked makes nothing', async () => {
    const order = { ...newOrder(get()), deadline: addMs(systemClock.now(), 700) }
    await get().target.ensureHolder(order, soon())
    const stalled = await get().outside.stall(order.principal)
    const sender = new AbortController()
    const sent = get()
      .target.issue(order, sender.signal)
      .catch(() => 'broken off')
    await until(async () => (await stalled.waiting()) > 0)
    // The sender dies; its command waits inside the target until the deadline is over.
    sender.abort()
    expect(await sent).toBe('broken off')
    await wait(Math.max(0, toMs(order.deadline) - Date.now()) + 50)
    const looking = get().target.verifyGone({ ...order, acceptedPath: null }, soon())
    await stalled.free()
    expect((await looking).listed).toBe('absent')
    expect(await get().outside.has(order.principal)).toBe(false)
  })

  test('a look waits for a creation that is under way', async () => {
    const order = newOrder(get())
    await get().target.ensureHolder(order, soon())
    const stalled = await get().outside.stall(order.principal)
    const making = get().target.issue(order, soon())
    await until(async () => (await stalled.waiting()) === 1)
    const looking = get().target.verifyGone({ ...order, acceptedPath: null }, soon())
    await Promise.race([looking, until(async () => (await stalled.waiting()) === 2)])
    await stalled.free()
    await making
    expect(judge(await looking)).toBe('still-there')
  })
}

function changeCases(get: Get): void {
  test('renewing moves the end of the same credential', async () => {
    if (!get().target.describe().canRenew) return
    const { order, issued } = await issueNew(get())
    const later = { ...order, endsAt: addSeconds(order.endsAt, 600) }
    expect(await get().target.renew(later, soon())).toEqual({ ...issued, diesAt: later.endsAt })
    await (await get().signIn(issued, order.secret)).close()
    await get().target.end(order, soon())
    await expectProblem(get().target.renew(later, soon()), 'target-refused')
    expect(await get().outside.has(order.principal)).toBe(false)
  })

  test('a held credential is cut off and refused, a released one works again', async () => {
    if (!get().target.describe().canHold) return
    const { order, issued } = await issueNew(get())
    const session = await get().signIn(issued, order.secret)
    await get().target.hold(order.principal, soon())
    expect(await outcomeOf(session.read(get().columns[0]))).toBe('refused')
    expect(await outcomeOf(get().signIn(issued, order.secret))).toBe('refused')
    // Issuing again is no way around a hold.
    await expectProblem(get().target.issue(order, soon()), 'target-refused')
    await get().target.release(order.principal, soon())
    await (await get().signIn(issued, order.secret)).close()
  })

  test('a secret that its holder changed is noticed, is not renewed, and ends', async () => {
    const { target } = get()
    if (target.checkIntact === undefined) return
    const { order, issued } = await issueNew(get())
    expect(await target.checkIntact(order, soon())).toBe(true)
    const session = await get().signIn(issued, order.secret)
    const own = newSecret()
    await session.changeSecret(own)
    await session.close()
    expect(await target.checkIntact(order, soon())).toBe(false)
    await expectProblem(target.renew(order, soon()), 'target-refused')
    await target.end(order, soon())
    expect(await outcomeOf(get().signIn(issued, own))).toBe('refused')
    expect(await verdict(get(), order, issued)).toBe('verified-gone')
    // Of what is not live there is no telling.
    await expectProblem(target.checkIntact(order, soon()), 'target-unavailable')
  })
}

function endCases(get: Get): void {
  test('ending twice is ending once, and what never was ends as well', async () => {
    const { order, issued } = await issueNew(get())
    await get().target.end(order, soon())
    await get().target.end(order, soon())
    expect(await verdict(get(), order, issued)).toBe('verified-gone')
    await get().target.end({ ...order, ...newPrincipal() }, soon())
    expect(await get().outside.has(order.principal)).toBe(false)
  })

  test('an end cuts the session that is open', async () => {
    const { order, issued } = await issueNew(get())
    const session = await get().signIn(issued, order.secret)
    await session.read(get().columns[0])
    await get().target.end(order, soon())
    expect(await outcomeOf(session.read(get().columns[0]))).toBe('refused')
    expect(await verdict(get(), order, issued)).toBe('verified-gone')
  })

  test('one that others dropped ends, with the session they left open', async () => {
    const { order, issued } = await issueNew(get())
    const session = await get().signIn(issued, order.secret)
    await get().outside.drop(order.principal)
    expect(await verdict(get(), order, issued)).not.toBe('verified-gone')
    await get().target.end(order, soon())
    expect(await outcomeOf(session.read(get().columns[0]))).toBe('refused')
    expect(await verdict(get(), order, issued)).toBe('verified-gone')
  })

  test('what stays behind is named until others take it away', async () => {
    const { order, issued } = await issueNew(get())
    const relieve = await get().outside.burden(order.principal)
    await get()
      .target.end(order, soon())
      .catch(() => {})
    const evidence = await look(get(), order, issued)
    expect(judge(evidence)).toBe('still-there')
    expect(evidence.residue.length).toBeGreaterThan(0)
    // Contained meanwhile: it is there, and nobody gets in with it.
    expect(evidence).toMatchObject({ credential: 'refused', sessions: 0 })
    await relieve()
    await get().target.end(order, soon())
    expect(await verdict(get(), order, issued)).toBe('verified-gone')
  })
}

function verifyCases(get: Get): void {
  test('a live credential is still there, by its list and by itself', async () => {
    const { order, issued } = await issueNew(get())
    const evidence = await look(get(), order, issued)
    expect(evidence).toMatchObject({ listed: 'present', credential: 'accepted' })
    expect(judge(evidence)).toBe('still-there')
  })

  test('a refusal proves nothing where the credential was never accepted', async () => {
    const { order, issued } = await issueNew(get())
    await get().target.end(order, soon())
    for (const unproven of [
      { ...order, acceptedPath: null },
      { ...order, acceptedPath: 'another path' },
      { ...order, acceptedPath: issued.acceptedPath, secret: null },
    ]) {
      const evidence = await get().target.verifyGone(unproven, soon())
      expect(evidence).toMatchObject({ listed: 'absent', credential: 'not-tried' })
      expect(evidence.because).toBeTruthy()
      expect(judge(evidence)).toBe('revoked-unverified')
    }
  })

  test('everything of ours is listed by name, page by page, until it is gone', async () => {
    const { order } = await issueNew(get())
    const kinds = { principal: order.principal, holder: order.holder, owner: order.owner }
    const found = await listAll(get().target)
    for (const [kind, name] of Object.entries(kinds))
      expect(found.find(each => each.name === name)).toMatchObject({ kind, ours: true })
    expect(new Set(found.map(each => each.id)).size).toBe(found.length)
    await get().target.end(order, soon())
    const after = (await listAll(get().target)).map(each => each.name)
    expect(after).not.toContain(order.principal)
    expect(after).toContain(order.holder)
  })
}

const hostileNames = [
  '',
  'lh_',
  'postgres',
  'lh_a"b',
  "lh_a'b",
  'lh_a$$b',
  'lh_a\0b',
  'lh_A',
].concat(
  ['lh_a b', 'lh_a\nb', 'lh_ä', 'lh_\ud800', '../lh_a', 'lh_a%2f', 'lh_a;drop role x', 'lh_a--'],
  `lh_${'a'.repeat(61)}`,
)

function troubleCases(get: Get): void {
  test.each(hostileNames)('the name %j is refused by every verb', async name => {
    const { target } = get()
    const order = { ...newOrder(get()), principal: name }
    const before = (await listAll(target)).map(each => each.name)
    const calls = [
      target.issue(order, soon()),
      target.renew(order, soon()),
      target.hold(name, soon()),
      target.release(name, soon()),
      target.end(order, soon()),
      target.verifyGone({ ...order, acceptedPath: null }, soon()),
      target.ensureHolder({ ...order, holder: name }, soon()),
      target.ensureHolder({ ...order, owner: name }, soon()),
      target.removeHolder(name, soon()),
      target.verifyHolderGone(name, soon()),
    ]
    await Promise.all(calls.map(call => expectProblem(call, 'invalid-field')))
    expect((await listAll(target)).map(each => each.name)).toEqual(before)
  })

  test('a target that answers nothing is given up in time, and looks say unknown', async () => {
    const target = await get().openHung()
    const order = newOrder(get())
    const startedMs = performance.now()
    const brief = () => AbortSignal.timeout(400)
    await Promise.all([
      expectProblem(target.ensureHolder(order, brief()), 'target-unavailable'),
      expectProblem(target.issue(order, brief()), 'target-unavailable'),
      expectProblem(target.renew(order, brief()), 'target-unavailable'),
      expectProblem(target.hold(order.principal, brief()), 'target-unavailable'),
      expectProblem(target.end(order, brief()), 'target-unavailable'),
      expectProblem(target.removeHolder(order.holder, brief()), 'target-unavailable'),
      expectProblem(target.inventory(null, brief()), 'target-unavailable'),
    ])
    const evidence = await target.verifyGone({ ...order, acceptedPath: 'a path' }, brief())
    expect(evidence).toMatchObject({ listed: 'unknown', credential: 'not-tried', sessions: null })
    expect(evidence.because).toBeTruthy()
    expect(judge(evidence)).toBe('unreachable')
    expect((await target.verifyHolderGone(order.holder, brief())).listed).toBe('unknown')
    expect((await target.preflight(brief())).ok).toBe(false)
    expect(performance.now() - startedMs).toBeLessThan(4_000)
    await target.close()
  })
}

async function issueNew(fixture: KitFixture): Promise<{ order: IssueOrder; issued: Issued }> {
  const order = newOrder(fixture)
  await fixture.target.ensureHolder(order, soon())
  return { order, issued: await fixture.target.issue(order, soon()) }
}

function newOrder(fixture: KitFixture): IssueOrder {
  return {
    ...newPrincipal(),
    holder: `lhg_kit_${randomBytes(8).toString('hex')}`,
    owner: `lho_kit_${randomBytes(8).toString('hex')}`,
    object: fixture.object,
    actions: ['read'],
    columns: fixture.columns,
    deadline: addSeconds(systemClock.now(), 10),
    endsAt: addSeconds(systemClock.now(), 900),
  }
}

function newPrincipal(): { principal: string; secret: string } {
  return { principal: `lh_kit_${randomBytes(8).toString('hex')}`, secret: newSecret() }
}

function newSecret(): string {
  return randomBytes(32).toString('base64url')
}

function look(fixture: KitFixture, order: IssueOrder, issued: Issued): Promise<Evidence> {
  const { acceptedPath } = issued
  return fixture.target.verifyGone({ ...order, acceptedPath }, soon())
}

async function verdict(fixture: KitFixture, order: IssueOrder, issued: Issued) {
  return judge(await look(fixture, order, issued))
}

async function listAll(target: Target): Promise<Found[]> {
  const all: Found[] = []
  for (let cursor: string | null = null, pages = 0; pages < 100; pages++) {
    const page = await target.inventory(cursor, soon())
    all.push(...page.found)
    cursor = page.next
    if (cursor === null) return all
  }
  throw new Error('the inventory has no end')
}

async function expectProblem(work: Promise<unknown>, code: Problem['code']): Promise<void> {
  const outcome: unknown = await work.then(
    () => 'it was done',
    (thrown: unknown) => thrown,
  )
  if (!isProblem(outcome)) throw new Error(`not a Problem: ${String(outcome)}`)
  expect(outcome.code).toBe(code)
}

function outcomeOf(work: Promise<unknown>): Promise<'accepted' | 'refused'> {
  return work.then(
    () => 'accepted',
    () => 'refused',
  )
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await holds()); tries++) {
    if (tries > 500) throw new Error('it did not come to be')
    await wait(10)
  }
}

function soon(): AbortSignal {
  return AbortSignal.timeout(15_000)
}
