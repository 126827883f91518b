/**
 * Who may use a resource now: asked of the rules for each identity that a grant names, as if it had just
 * begun a task for each purpose that needs it, with a person there and with nobody. Pure; nothing is
 * granted by it and nothing recorded. It claims what a decision would be: `who.test.ts` compares them.
 */
import { appTable } from '../../core/app/rows.ts'
import type { AppId, DecisionId, ResourceId, TaskId } from '../../core/base/ids.ts'
import { type DataAction, dataActions } from '../../core/base/permit.ts'
import { earliest } from '../../core/base/time.ts'
import { grantTable, manifestTable, resourceTable } from '../../core/grant/rows.ts'
import { type IdentityRow, identityTable } from '../../core/identity/rows.ts'
import type { Image } from '../../core/ledger/fact-table.ts'
import type { Replica } from '../../core/ledger/replica.ts'
import type { PolicyWorld } from '../../core/policy/decide.ts'
import { factsOfWork } from '../../core/policy/facts.ts'
import { judge, type Outcome } from '../../core/policy/judge.ts'
import { type TaskRow, taskTable } from '../../core/task/rows.ts'
import { taskEndsAt } from '../../core/task/task.ts'
import { bounds } from './bounds.ts'

/** Of one app, or all. At most `bounds.who` identities; who may nothing is left out. */
export function whoMay(world: PolicyWorld, resourceId: ResourceId, appId?: AppId) {
  const { replica } = world
  const slug = replica.get(resourceTable, resourceId)?.slug ?? ''
  const given = replica.by(grantTable, 'resourceId', resourceId).map(each => each.appId)
  const apps = new Set(appId === undefined ? given : given.filter(each => each === appId))
  const identities = [...apps].flatMap(appId => replica.by(identityTable, 'appId', appId))
  return identities.slice(0, bounds.who).flatMap(identity => {
    const purposes = replica.by(manifestTable, 'appId', identity.appId)[0]?.purposes ?? []
    const needing = purposes.filter(({ needs }) => needs.some(need => need.resource === slug))
    return needing.flatMap(({ name }) =>
      (['attended', 'unattended'] as const).flatMap(autonomy => {
        const task = beginning(world, identity, { purpose: name, autonomy })
        const yes = dataActions.flatMap(action => {
          const { reach } = askOne(world, task, { resourceId, action })
          return reach === null ? [] : [{ action, until: reach.endsAt }]
        })
        const [first] = yes
        if (first === undefined) return []
        const until = earliest(first.until, ...yes.map(each => each.until))
        const actions = yes.map(each => each.action)
        return [{ identityId: identity.id, purpose: name, autonomy, actions, until }]
      }),
    )
  })
}

/** As it would be opened now: on behalf of the owner where somebody is there. */
function beginning(
  { replica, clock }: PolicyWorld,
  { id: identityId, appId }: Image<IdentityRow>,
  { purpose, autonomy }: Pick<TaskRow, 'purpose' | 'autonomy'>,
): Image<TaskRow> {
  const app = replica.get(appTable, appId)
  const now = clock.now()
  return {
    id: 'tk_as-if' as TaskId,
    version: 1,
    appId,
    identityId,
    kind: 'job',
    purpose,
    autonomy,
    onBehalfOf: autonomy === 'attended' ? (app?.ownerId ?? null) : null,
    parentId: null,
    provenance: {},
    provenanceKey: '',
    touched: [],
    state: 'open',
    closedBecause: null,
    openedAt: now,
    endsAt: app === undefined ? now : taskEndsAt('job', app, now),
    closedAt: null,
  }
}

function askOne(
  { policies, freshness, clock, replica }: PolicyWorld,
  task: Image<TaskRow>,
  { resourceId, action }: { resourceId: ResourceId; action: DataAction },
): Outcome {
  const bundle = policies()
  const { identityId, id: taskId } = task
  const fresh = freshness()
  const view = { replica: withTask(replica, task), now: clock.now(), ageMs: fresh.ageMs }
  const { facts } = factsOfWork(view, { identityId, taskId, resourceId, actions: [action] })
  // The compiled engine answers: nothing is issued by this, and a list asks many questions.
  const asked = {
    v: 1,
    id: 'dc_as-if' as DecisionId,
    at: view.now,
    actor: { kind: 'identity', id: identityId, taskId },
    action: 'lease.issue',
    about: { type: 'lease', id: 'as-if' },
    bundle: bundle.hash,
    freshness: fresh,
    facts,
  } as const
  return judge(bundle, asked, bundle.quick)
}

/** What memory holds, and one task that nobody has opened. */
function withTask(replica: Replica, task: Image<TaskRow>): Replica {
  const get: Replica['get'] = (table, id) =>
    id === task.id && table.name === taskTable.name ? (task as never) : replica.get(table, id)
  const same = { by: replica.by.bind(replica), all: replica.all.bind(replica) }
  return { get, ...same } as Replica
}
