/** What the cases are written with. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { isProblem, type Problem } from '../../../src/core/base/problem.ts'
import { addSeconds, msBetween } from '../../../src/core/base/time.ts'
import { judge } from '../../../src/core/target/judge.ts'
import type {
  Evidence,
  Found,
  InventoryPage,
  Issued,
  IssueOrder,
  Target,
} from '../../../src/core/target/target.ts'
import type { KitFixture } from './kit.ts'

/** With the secret that its target made, where it makes them. */
export async function issueNew(
  kit: KitFixture,
  order: IssueOrder = newOrder(kit),
): Promise<{ order: IssueOrder; issued: Issued }> {
  await kit.target.ensureHolder(order, soon())
  const issued = await kit.target.issue(order, soon())
  return { order: { ...order, secret: issued.secret ?? order.secret }, issued }
}

export function newOrder(kit: KitFixture): IssueOrder {
  const now = kit.clock.now()
  return {
    ...newPrincipal(),
    holder: `lhg_kit_${randomBytes(8).toString('hex')}`,
    owner: `lho_kit_${randomBytes(8).toString('hex')}`,
    ...kit.asks,
    deadline: addSeconds(now, 10),
    endsAt: addSeconds(now, 900),
  }
}

export function newPrincipal(): { principal: string; secret: string } {
  const secret = randomBytes(32).toString('base64url')
  return { principal: `lh_kit_${randomBytes(8).toString('hex')}`, secret }
}

export function look(kit: KitFixture, order: IssueOrder, issued: Issued): Promise<Evidence> {
  return kit.target.verifyGone({ ...order, acceptedPath: issued.acceptedPath }, soon())
}

export async function verdict(kit: KitFixture, order: IssueOrder, issued: Issued) {
  return judge(await look(kit, order, issued))
}

/** Said to be gone in words that let a lease be closed. */
export function isGone(evidence: Evidence): boolean {
  return ['verified-gone', 'revoked-unverified'].includes(judge(evidence))
}

export async function pagesOf(target: Target, from: string | null = null) {
  const pages: InventoryPage[] = []
  for (let cursor = from; pages.length < 200; ) {
    const page = await target.inventory(cursor, soon())
    pages.push(page)
    cursor = page.next
    if (cursor === null) return pages
  }
  throw new Error('the inventory has no end')
}

export async function listAll(target: Target): Promise<Found[]> {
  return (await pagesOf(target)).flatMap(page => page.found)
}

export async function expectProblem(
  work: Promise<unknown>,
  ...codes: Problem['code'][]
): Promise<Problem> {
  const outcome: unknown = await work.then(
    () => 'it was done',
    (thrown: unknown) => thrown,
  )
  if (!isProblem(outcome)) throw new Error(`not a Problem: ${String(outcome)}`)
  assert.ok(codes.includes(outcome.code), `${outcome.code} and not ${codes.join(' or ')}`)
  return outcome
}

export function outcomeOf(work: Promise<unknown>): Promise<'accepted' | 'refused'> {
  return work.then(
    () => 'accepted',
    () => 'refused',
  )
}

/** Of an object: it holds at least this. */
export function holds(actual: object, expected: object): void {
  assert.partialDeepStrictEqual(actual, expected)
}

export async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await isSo()); tries++) {
    if (tries > 500) throw new Error('it did not come to be')
    await wait(10)
  }
}

/** Until that instant is over at the target. */
export async function passUntil(kit: KitFixture, at: IssueOrder['deadline']): Promise<void> {
  const ms = msBetween(kit.clock.now(), at) + 50
  if (ms <= 0) return
  if (kit.pass === undefined) await wait(ms)
  else kit.pass(ms)
}

export function soon(): AbortSignal {
  return AbortSignal.timeout(15_000)
}
