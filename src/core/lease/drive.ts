/**
 * Drive: make what is at the target match what we say: end, read back by two paths, record. Used by
 * the sweep and by whoever waits for an end. Idempotent; what is interrupted is simply due again.
 */
import type { ActorId } from '../base/ids.ts'
import { assert, isProblem } from '../base/problem.ts'
import { raiseIn, resolveIn } from '../finding/raise.ts'
import { entryKind } from '../ledger/kind.ts'
import { recorded, type Scope } from '../ledger/record.ts'
import type { Store } from '../store/store.ts'
import type { Evidence } from '../target/target.ts'
import type { LeaseWorld } from './issue.ts'
import { nextTryAt, stepLease, triesBeforeFinding } from './lease.ts'
import { ownerName } from './names.ts'
import type { DueLease, LeaseRow } from './rows.ts'
import { giveBack, leaseTable, moveDue, readLeases } from './rows.ts'

const leasesSeen = entryKind('lease.gone', 'ended credentials and looked whether they are gone')

/** What was seen at the target for one lease. */
export interface Seen extends DueLease {
  readonly evidence: Evidence
}

/**
 * Ends and looks, for a batch of one target. Never throws for what a target does; those whose turn
 * there did not come are given back.
 */
export async function lookAtTarget(world: LeaseWorld, due: readonly DueLease[]): Promise<Seen[]> {
  const seen = await Promise.all(due.map(each => endAndLook(world, each)))
  const waited = due.flatMap(({ lease }, i) => (seen[i] === undefined ? [lease.id] : []))
  if (waited.length > 0) await giveBack(world.store, waited)
  return seen.filter(each => each !== undefined)
}

/** Undefined where its turn did not come. */
async function endAndLook(world: LeaseWorld, due: DueLease): Promise<Seen | undefined> {
  const { lease, holder, object, salt } = due
  const { principal, acceptedPath, intentDeadline: deadline } = lease
  const owner = ownerName(world.installationId(), lease.appId)
  const secret = salt === null ? null : world.leaseSecret(lease.id, salt)
  const order = { principal, holder, owner, object, secret, deadline }
  try {
    const evidence = await world.targets.call(lease.targetId, 'end', async (target, signal) => {
      // A refusal to end is not the answer; what is there afterwards is.
      const refused = await target.end(order, signal).catch((thrown: unknown) => thrown)
      const seen = await target.verifyGone({ ...order, acceptedPath }, signal)
      if (refused === undefined || seen.because !== undefined) return seen
      return { ...seen, because: isProblem(refused) ? refused.detail : 'the target broke off' }
    })
    return { ...due, evidence }
  } catch (thrown) {
    if (isProblem(thrown, 'target-busy')) return undefined
    const why = isProblem(thrown) ? thrown.detail : 'the target did not answer'
    return { ...due, evidence: { ...nothingSeen, because: why, at: world.clock.now() } }
  }
}

/** Of a target that did not answer. */
const nothingSeen = {
  listed: 'unknown',
  credential: 'not-tried',
  probe: 'not-tried',
  sessions: null,
  residue: [],
  paths: [],
} as const

/**
 * Records a batch in one transaction; what is not gone is due again, later each time. One that can not
 * be recorded holds up no other: the batch is halved until it stands alone, and then that is thrown.
 */
export async function recordSeen(
  world: LeaseWorld,
  by: ActorId,
  seen: readonly Seen[],
): Promise<LeaseRow[]> {
  if (seen.length === 0) return []
  try {
    return await recordSteps(world, by, seen.map(stepSeen))
  } catch (thrown) {
    // Another replica was faster, or one was renewed while we looked: its turn comes again.
    const ids = seen.map(({ lease }) => lease.id)
    const found = new Map((await readLeases(world.store, ids)).map(lease => [lease.id, lease]))
    const left = seen.filter(({ lease: { id, version } }) => found.get(id)?.version === version)
    if (left.length < seen.length) return recordSeen(world, by, left)
    if (seen.length === 1) throw thrown
    const halves = [seen.slice(0, seen.length >> 1), seen.slice(seen.length >> 1)].map(half =>
      recordSeen(world, by, half),
    )
    await Promise.allSettled(halves)
    return (await Promise.all(halves)).flat()
  }
}

function recordSteps(world: LeaseWorld, by: ActorId, steps: readonly Step[]): Promise<LeaseRow[]> {
  return recorded(world, async scope => {
    for (const step of steps) await sayStuck(scope, step)
    const saved = await scope.saveAll(leaseTable, steps)
    const dueAt = ({ after, tries }: Step) =>
      after.state === 'gone' ? null : nextTryAt(scope.at, tries)
    moveDue(scope, new Map(steps.map(step => [step.after.id, { at: dueAt(step) }])))
    scope.entry({ kind: leasesSeen, by, facts: { count: saved.length } })
    return saved
  })
}

type Step = ReturnType<typeof stepSeen>

function stepSeen({ lease, tries, salt, because: cause, evidence }: Seen) {
  // By its salt the credential can be made again, to be tried on the path that is known.
  const canTry = salt !== null && lease.acceptedPath !== null
  const after = stepLease(lease, { kind: 'seen', evidence, cause, canTry })
  return { before: lease, after, tries }
}

/** Told once while it lasts; taken back when it is gone. */
async function sayStuck(scope: Scope, { after: lease, tries }: Step): Promise<void> {
  if (tries < triesBeforeFinding) return
  if (lease.state === 'gone') {
    for (const kind of ['lease-stuck', 'lease-contained']) await resolveIn(scope, kind, lease.id)
    return
  }
  const { appId, targetId, principal, contained, evidence } = lease
  const { because = null, residue = [] } = evidence ?? {}
  await raiseIn(scope, {
    kind: contained ? 'lease-contained' : 'lease-stuck',
    severity: contained ? 'medium' : 'high',
    about: lease.id,
    details: { appId, targetId, principal, tries, because, residue },
    words: `${principal} is not gone after ${tries} tries; it is tried again by itself. Look at the target: ${because ?? 'something is left there'}.`,
  })
}

/** The same world on the connections that are kept for ending (design §3.7). */
export function onReserve<W extends { readonly store: Store }>(world: W): W {
  return { ...world, store: world.store.ending }
}

/** Drives one lease now and says how it is afterwards. Problem `conflict` when another did. */
export async function driveLease(world: LeaseWorld, by: ActorId, due: DueLease): Promise<LeaseRow> {
  const [seen] = await lookAtTarget(world, [due])
  if (seen === undefined) return due.lease
  const [row] = await recordSteps(world, by, [stepSeen(seen)])
  assert(row, 'what is recorded is answered')
  return row
}
