/**
 * Drive: make what is at the target match what we say: end, read back by two paths, record. Used by
 * the sweep and by whoever waits for an end. Idempotent; what is interrupted is simply due again.
 */
import type { ActorId } from '../base/ids.ts'
import { isProblem, Problem } from '../base/problem.ts'
import type { Instant } from '../base/time.ts'
import { raiseIn, resolveIn } from '../finding/raise.ts'
import { entryKind } from '../ledger/kind.ts'
import { recorded, type Scope } from '../ledger/record.ts'
import type { Store } from '../store/store.ts'
import type { Evidence } from '../target/target.ts'
import type { LeaseWorld } from './issue.ts'
import { nextTryAt, stepLease, triesBeforeFinding } from './lease.ts'
import { ownerName } from './names.ts'
import {
  type DueLease,
  type LeaseCause,
  type LeasePlace,
  type LeaseRow,
  leaseTable,
  lockLeases,
  readCauses,
  readPlaces,
  readSalts,
  setDueAll,
} from './rows.ts'

const leasesSeen = entryKind('lease.gone', 'ended credentials and looked whether they are gone')

/** What was seen at the target for one lease. */
export interface Seen {
  readonly lease: LeaseRow
  readonly tries: number
  readonly cause: LeaseCause
  readonly evidence: Evidence
  /** The credential could be tried: its salt is there and a path is known. */
  readonly canTry: boolean
}

/** Ends and looks, for a batch of one target. Never throws for what a target does. */
export async function lookAtTarget(world: LeaseWorld, due: readonly DueLease[]): Promise<Seen[]> {
  const ids = due.map(each => each.lease.id)
  const [salts, places, causes] = await Promise.all([
    readSalts(world.store, ids),
    readPlaces(world.store, ids),
    readCauses(world.store, ids),
  ])
  return Promise.all(
    due.map(async ({ lease, tries }) => {
      const salt = salts.get(lease.id)
      const secret = salt === undefined ? null : world.leaseSecret(lease.id, salt)
      return {
        lease,
        tries,
        cause: lease.cause ?? causes.get(lease.id) ?? 'expired',
        canTry: secret !== null && lease.acceptedPath !== null,
        evidence: await endAndLook(world, lease, places.get(lease.id), secret),
      }
    }),
  )
}

async function endAndLook(
  world: LeaseWorld,
  lease: LeaseRow,
  place: LeasePlace | undefined,
  secret: string | null,
): Promise<Evidence> {
  if (place === undefined) return nothingSeen(world.clock.now(), 'its grant or resource is missing')
  const order = {
    principal: lease.principal,
    holder: place.holder,
    owner: ownerName(world.installationId(), lease.appId),
    object: place.object,
  }
  try {
    return await world.targets.call(lease.targetId, 'end', async (target, signal) => {
      // A refusal to end is not the answer; what is there afterwards is.
      const refused = await target.end(order, signal).then(
        () => undefined,
        (thrown: unknown) => thrown,
      )
      const evidence = await target.verifyGone(
        { ...order, secret, acceptedPath: lease.acceptedPath },
        signal,
      )
      if (refused === undefined || evidence.because !== undefined) return evidence
      return { ...evidence, because: isProblem(refused) ? refused.detail : 'the target broke off' }
    })
  } catch (thrown) {
    const why = isProblem(thrown) ? thrown.detail : 'the target did not answer'
    return nothingSeen(world.clock.now(), why)
  }
}

function nothingSeen(at: Instant, because: string): Evidence {
  return {
    listed: 'unknown',
    credential: 'not-tried',
    probe: 'not-tried',
    sessions: null,
    residue: [],
    paths: [],
    because,
    at,
  }
}

/** Records a batch in one transaction; what is not gone is due again, later each time. */
export async function recordSeen(
  world: LeaseWorld,
  by: ActorId,
  seen: readonly Seen[],
): Promise<LeaseRow[]> {
  return recorded(world, async scope => {
    const rows = await lockLeases(
      scope.tx,
      seen.map(each => each.lease.id),
    )
    const pairs: { before: LeaseRow; after: LeaseRow; tries: number }[] = []
    for (const { lease, tries, cause, evidence, canTry } of seen) {
      const before = rows.get(lease.id)
      // Another replica was faster, or the lease was renewed while we looked: its turn comes again.
      if (before === undefined || before.state === 'gone' || before.version !== lease.version)
        continue
      const after = stepLease(before, { kind: 'seen', evidence, cause, canTry })
      pairs.push({ before, after, tries })
    }
    const saved = await scope.saveAll(leaseTable, pairs)
    const again = pairs.filter(({ after }) => after.state !== 'gone')
    await setDueAll(
      scope.tx,
      again.map(({ after, tries }) => ({ id: after.id, dueAt: nextTryAt(scope.at, tries) })),
    )
    for (const { after, tries } of pairs)
      if (tries >= triesBeforeFinding) await sayStuck(scope, after, tries)
    scope.entry({ kind: leasesSeen, by, facts: { count: saved.length } })
    return saved
  })
}

/** Told once while it lasts; taken back when it is gone. */
async function sayStuck(scope: Scope, lease: LeaseRow, tries: number): Promise<void> {
  const kind = lease.contained ? 'lease-contained' : 'lease-stuck'
  if (lease.state !== 'gone') return raiseStuck(scope, kind, lease, tries)
  for (const each of ['lease-stuck', 'lease-contained']) await resolveIn(scope, each, lease.id)
}

async function raiseStuck(
  scope: Scope,
  kind: string,
  lease: LeaseRow,
  tries: number,
): Promise<void> {
  await raiseIn(scope, {
    kind,
    severity: lease.contained ? 'medium' : 'high',
    about: lease.id,
    ownerId: null,
    details: {
      appId: lease.appId,
      targetId: lease.targetId,
      principal: lease.principal,
      tries,
      because: lease.evidence?.because ?? null,
      residue: lease.evidence?.residue ?? [],
    },
    words: `${lease.principal} is not gone after ${tries} tries; it is tried again by itself. Look at the target: ${lease.evidence?.because ?? 'something is left there'}.`,
  })
}

/** The same world on the connections that are kept for ending (design §3.7). */
export function onReserve<W extends { readonly store: Store }>(world: W): W {
  return { ...world, store: world.store.ending }
}

/** Drives one lease now and says how it is afterwards. */
export async function driveLease(
  world: LeaseWorld,
  by: ActorId,
  lease: LeaseRow,
  tries: number,
): Promise<LeaseRow> {
  const seen = await lookAtTarget(world, [{ lease, tries }])
  const rows = await recordSeen(world, by, seen)
  const row = rows.find(each => each.id === lease.id)
  if (row === undefined)
    throw new Problem('conflict', {
      detail: 'Somebody else is ending this lease.',
      next: 'Look at it: lease show.',
    })
  return row
}
