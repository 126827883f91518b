/**
 * The processes of the bench `revocation` that follow one log on one PostgreSQL:
 *
 *   server     as `serve` starts it, with an app at work; it takes the holds
 *   follower   a replica's facts and rules and nothing else of it: decides a use of a lease again
 *              and again, and at once when an entry has come: from its no on no use is permitted
 */
import { setTimeout as wait } from 'node:timers/promises'
import { signInLink } from '../demo/people.ts'
import { newId } from '../src/core/base/ids.ts'
import { systemClock } from '../src/core/base/time.ts'
import { startFollower } from '../src/core/ledger/follow.ts'
import { Replica } from '../src/core/ledger/replica.ts'
import { decideLease, type PolicyWorld } from '../src/core/policy/decide.ts'
import { followBundle } from '../src/core/policy/in-force.ts'
import { openStore } from '../src/core/store/open.ts'
import { recordingTarget } from '../test/fakes/recording-target.ts'
import { serveBench } from './child.ts'
import { placeOf } from './due-leases.ts'
import { startAtWork } from './furnish.ts'
import { type Holder, machineMs } from './holds.ts'

export interface ServerSays extends Holder {
  readonly work: Pick<Parameters<typeof decideLease>[2], 'identityId' | 'taskId' | 'resourceId'>
}

/** Yes became no, or the other way round. On the clock of the machine, which all processes share. */
export interface Turned {
  readonly allowed: boolean
  /** When the last yes before a no was given, and the first no. */
  readonly lastYesMs: number
  readonly atMs: number
  readonly rule: string
}

/** Light, so that 20 of them on one machine measure the log and not each other. */
const paceMs = 20

async function serve(databaseUrl: string): Promise<void> {
  const work = await startAtWork(placeOf(recordingTarget().connector), databaseUrl)
  const { issuer, address } = work.running
  const { token } = await signInLink(issuer, address, await work.running.signInLink())
  const { app, identity, task, resource } = work
  const ids = { identityId: identity.id, taskId: task.id, resourceId: resource.id }
  serveBench({ address, token, app: app.slug, work: ids } satisfies ServerSays, () => work.stop())
}

async function follow(databaseUrl: string, work: ServerSays['work']): Promise<void> {
  const lane = { connections: 1, endingConnections: 1 }
  const store = await openStore({ url: databaseUrl, ...lane })
  const replica = new Replica()
  const follower = await startFollower({ store, clock: systemClock, replica })
  const policies = followBundle(replica)
  const { freshness } = follower
  const world: PolicyWorld = {
    replica,
    clock: systemClock,
    freshness,
    policies,
    // Nobody reads the words of these.
    explain: (_, { outcome }) => {
      throw new Denied(outcome.rules[0])
    },
  }
  const question = { ...work, actions: ['read' as const], leaseId: newId('lease') }
  let [allowed, lastYesMs] = [true, machineMs()]
  const decide = () => {
    const rule = ruleAgainst(() => decideLease(world, 'lease.use', question))
    const atMs = machineMs()
    if ((rule === undefined) !== allowed) {
      allowed = !allowed
      process.send?.({ allowed, lastYesMs, atMs, rule: rule ?? '' } satisfies Turned)
    }
    if (allowed) lastYesMs = atMs
  }
  decide()
  if (!allowed) throw new Error('a use that was granted is denied')
  follower.onEntry(() => setImmediate(decide))
  serveBench('ready')
  for (;;) {
    await wait(paceMs)
    decide()
  }
}

class Denied extends Error {}

/** Undefined for a yes. */
function ruleAgainst(decide: () => unknown): string | undefined {
  try {
    decide()
    return undefined
  } catch (thrown) {
    if (thrown instanceof Denied) return thrown.message
    throw thrown
  }
}

if (import.meta.main) {
  const [, , side, databaseUrl = '', work = '{}'] = process.argv
  if (side === 'server') await serve(databaseUrl)
  else await follow(databaseUrl, JSON.parse(work) as ServerSays['work'])
}
