/**
 * Whose work a request at the direct door is, and under which lease. A task token says it by itself. What
 * a person let an MCP client do is a task as well, opened or joined by the same exchange as every other
 * for the identity and purpose they chose; its token stays here.
 */
import type { IncomingMessage } from 'node:http'
import type { ResourceId } from '../../../core/base/ids.ts'
import { problemOf } from '../../../core/base/problem.ts'
import { addMs } from '../../../core/base/time.ts'
import type { ResourceRow } from '../../../core/grant/rows.ts'
import { identityTable } from '../../../core/identity/rows.ts'
import { type LeaseRow, leaseTable } from '../../../core/lease/rows.ts'
import { taskTable } from '../../../core/task/rows.ts'
import { type ExchangeWorld, exchange } from '../../../core/token/exchange.ts'
import { readTaskToken, type TaskToken, verifyTaskToken } from '../../../core/token/verify.ts'
import type { ClientToken } from '../../../life/sign-in/person-token.ts'
import { isClientSignedIn, verifyClientToken } from '../../../life/sign-in/person-token.ts'
import { actionsOf, isStanding, mcpUri } from '../../../life/sign-in/work.ts'
import { checkShown, shownIn } from '../../api/caller.ts'
import { askLease, renewTerm } from '../../api/leases.ts'
import { denialView } from '../../api/permitted.ts'
import { DenialAnswer } from '../../api/problem.ts'
import { bounds } from '../bounds.ts'
import { type GatewayWorld, over } from '../tunnel.ts'

export interface Caller extends TaskToken {
  /** Whether the sign-in it hangs on still is. A task token hangs on none. */
  readonly isSignedIn?: () => Promise<boolean>
}

type Resource = Pick<ResourceRow, 'id' | 'slug'>

export function openWork(world: GatewayWorld) {
  const [tasks, terms] = [new Map<string, Promise<string>>(), new Map<string, Promise<LeaseRow>>()]
  return {
    /** Problem `not-signed-in` without a token, `token-refused` for one that is not good here. */
    async callerOf(req: IncomingMessage, resource: Resource): Promise<Caller> {
      const shown = shownIn(req, world.issuer)
      if (shown === undefined) throw problemOf('token-missing')
      const { token } = shown
      // ATTACKER: only chooses which verifier runs; each verifies everything by itself.
      if (readTaskToken(world, token) !== null) {
        const task = await verifyTaskToken(world, token, world.issuer)
        await checkShown(world.proofs, shown, task)
        return task
      }
      const verify = (given: string) =>
        verifyClientToken(world, given, mcpUri(world, resource.slug))
      const said = await verify(token)
      await checkShown(world.proofs, shown, said)
      const stands = () => isStanding(world, said.personId, said.work)
      if (!stands() || said.work.resourceId !== resource.id)
        throw over(
          'What this client was let do does not stand now: its app, identity, grant or owner changed.',
          'See how the app is; or sign in again and choose another.',
        )
      // One exchange for each access token: at most so old is what the work rests on.
      const make = () => exchangeFor({ ...world, verifyPerson: verify }, said, token)
      const inner = await lately(tasks, said.tokenId, make)
      const task = await verifyTaskToken(world, inner, world.issuer)
      return { ...task, isSignedIn: async () => stands() && (await isClientSignedIn(world, said)) }
    },
    /** The live one of the task and resource, or one issued now, as for `POST /v1/leases`. */
    async leaseOf(caller: Caller, resourceId: ResourceId): Promise<LeaseRow> {
      const now = world.clock.now()
      const latest = addMs(now, bounds.beforeTermMs)
      const lease = world.replica
        .by(leaseTable, 'taskId', caller.taskId)
        .filter(each => each.resourceId === resourceId && each.state === 'live')
        .find(({ termEndsAt }) => termEndsAt > latest)
      if (lease !== undefined && lease.termEndsAt > addMs(now, bounds.renewBeforeMs)) return lease
      const key = `${caller.taskId} ${resourceId}`
      const make = () =>
        lease === undefined ? issue(world, caller, resourceId) : renewTerm(world, lease)
      const made = lately(terms, key, make)
      // From now on memory knows it.
      made.then(
        () => terms.delete(key),
        () => {},
      )
      // In time; without another term it goes on until this one ends.
      return lease === undefined ? made : made.catch(() => lease)
    },
  }
}

/** Many who ask at once share one making, and a refusal, which is an entry each time, answers for a moment. */
function lately<V>(made: Map<string, Promise<V>>, key: string, make: () => Promise<V>) {
  const known = made.get(key)
  if (known !== undefined) return known
  const making = make()
  made.set(key, making)
  const [oldest] = made.keys()
  if (made.size > bounds.clientTokens && oldest !== undefined) made.delete(oldest)
  making.catch(() => setTimeout(() => made.delete(key), bounds.refusedForMs).unref())
  return making
}

async function exchangeFor(
  world: ExchangeWorld,
  { work, grantId }: ClientToken,
  subjectToken: string,
): Promise<string> {
  const identity = world.replica.get(identityTable, work.identityId)?.spiffeId
  const { purpose } = work
  // The sign-in is the run: all its tokens work in one task.
  const request = { subjectToken, purpose, identity, audience: world.issuer, run: grantId }
  const answer = await exchange(world, request)
  if (answer.kind === 'issued') return answer.token.accessToken
  if (answer.kind === 'refused') throw problemOf('no-rule-for-agent', { says: answer.refusal.says })
  throw new DenialAnswer(denialView(answer.denial, { at: world.clock.now() }))
}

/** For what the purpose needs and a grant gives. */
async function issue(world: GatewayWorld, { identityId, taskId }: Caller, resourceId: ResourceId) {
  const purpose = world.replica.get(taskTable, taskId)?.purpose ?? ''
  const given = actionsOf(world.replica, { identityId, purpose, resourceId }, world.clock.now())
  // Where nothing is given there is a no, with its reasons and its entry, by policy as everywhere.
  const actions = given.length === 0 ? (['read'] as const) : given
  return (await askLease(world, { identityId, taskId }, { resourceId, actions, via: 'proxy' }))
    .lease
}
