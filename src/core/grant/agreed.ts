/** Makes what people agreed to, no more, and once: a grant; the managed app that takes over from a prototype. */
import { living, requireIn } from '../app/app.ts'
import { checkPeople, draftApp, type NewApp } from '../app/make.ts'
import { type AppRow, appTable, findApp } from '../app/rows.ts'
import { readAgreed } from '../approval/agreed.ts'
import { listAnswers, type RequestRow, requestTable } from '../approval/rows.ts'
import { type AppId, type GrantId, newId, type RequestId } from '../base/ids.ts'
import type { DataAction } from '../base/permit.ts'
import { assert, type Problem, problemOf } from '../base/problem.ts'
import { identityTable, listIdentities } from '../identity/rows.ts'
import { spiffeId } from '../identity/spiffe.ts'
import { listWhere, lockKnown, type NewRow, shareRow } from '../ledger/fact-table.ts'
import { entryKind } from '../ledger/kind.ts'
import { type Scope, subjectOf } from '../ledger/record.ts'
import { verb } from '../ledger/verb.ts'
import { findInstallation } from '../people/rows.ts'
import { type GrantBody, isMild, newGrant, offeredColumns, parseGrantBody } from './body.ts'
import { findGrant, grantTable, type ResourceRow, resourceTable } from './rows.ts'

const grantMade = entryKind('grant.make', 'granted what was agreed')
const appGraduated = entryKind('app.graduate', 'gave the app a managed successor')

/**
 * The permit is about the request, and the grant has the request's random part: one request, one
 * grant, whoever repeats it. Made already: that one, also when it was dropped since.
 */
export const grantAgreed = verb('grant.make', 'requestId', async (scope, { requestId }, by) => {
  const id = `gr_${requestId.slice(3)}` as GrantId
  const { request, body: text } = await readAgreed(scope, requestId, 'grant')
  const known = await findGrant(scope.tx, id)
  if (known !== undefined) return known
  const body = parseGrantBody(text)
  const resource = await checkStill(scope, request, body)
  const columns = body.columns.filter(name => offeredColumns(resource).includes(name))
  const given = { ...body, id, columns, requestId: request.id }
  const grant = newGrant(await findInstallation(scope.tx), given)
  if (grant.columns.length === 0 && resource.columns.length > 0) throw notOffered(resource)
  const { bodyHash } = request
  const subjects = [subjectOf(requestTable, request)]
  scope.entry({ kind: grantMade, by, subjects, facts: { bodyHash } })
  return scope.insert(grantTable, grant)
})

/** Time has passed since people agreed: what they agreed about must still be there. */
async function checkStill(
  scope: Scope,
  request: RequestRow,
  body: GrantBody,
): Promise<ResourceRow> {
  const app = await shareRow(scope.tx, appTable, body.appId)
  const resource = await shareRow(scope.tx, resourceTable, body.resourceId)
  if (app === undefined || resource === undefined || request.appId !== app.id)
    throw problemOf('asked-not-there')
  requireIn(app, living, scope.at)
  if (resource.state !== 'active' || resource.targetId !== body.targetId) throw notOffered(resource)
  if (body.endsAt <= scope.at || body.endsAt > app.endsAt)
    throw problemOf('asked-time-over', { slug: resource.slug })
  if (request.ownAnswer && !isMild(resource)) await requireOthers(scope, request)
  return resource
}

/** INVARIANT: the asker's own yes counts for mild data alone, also if it was classed anew since. */
async function requireOthers(scope: Scope, request: RequestRow): Promise<void> {
  const answers = await listAnswers(scope.tx, request.id)
  const others = answers.filter(each => each.says === 'yes' && each.personId !== request.askedBy)
  if (others.length >= request.quorum) return
  throw problemOf('not-alone-to-this-class')
}

function notOffered(resource: ResourceRow): Problem {
  return problemOf('no-longer-offered', { slug: resource.slug })
}

/** Body of a request of kind `graduate`. What else it holds is for people to read. */
export interface Succession {
  readonly appId: AppId
  /** Version of the app that people were shown. */
  readonly onto: number
  readonly successor: Omit<NewApp, 'id'>
  /** Of each grant what the successor may do; what is not named, or may do nothing, is left behind. */
  readonly grants: readonly { readonly from: GrantId; readonly actions: readonly DataAction[] }[]
}

/**
 * The app, identities of its own, its grants: in one transaction, so that there is no half of it, and once.
 * Who attests the identities, and what they work for, its owners say as of any app. Problem `hash-mismatch`
 * where the prototype is not any more what people were shown.
 *
 * INVARIANT: rights never grow by graduating. What is granted is what the prototype has now and people
 * agreed to, the less of both. No identity, rule or credential of the prototype becomes the successor's.
 */
export const makeSuccessor = verb(
  'app.graduate',
  'requestId',
  async (scope, { requestId }: { requestId: RequestId }, by): Promise<NewRow<AppRow>> => {
    const id = `ap_${requestId.slice(3)}` as AppId
    const known = await findApp(scope.tx, id)
    if (known !== undefined) return known
    const { request, body } = await readAgreed(scope, requestId, 'graduate')
    const { appId, onto, successor, grants } = body as unknown as Succession
    const old = await lockKnown(scope.tx, appTable, appId)
    requireIn(old, ['active'], scope.at)
    if (old.version !== onto) throw problemOf('changed-since-asked', { slug: old.slug })
    const app = draftApp(request.askedBy, { ...successor, id }, scope.at)
    await checkPeople(scope, app)
    await scope.insert(appTable, app)
    const installation = await findInstallation(scope.tx)
    assert(installation, 'an app is made in an installation')
    const named = { trustDomain: installation.trustDomain, slug: app.slug }
    for (const { role, state } of await listIdentities(scope.tx, appId)) {
      const its = { id: newId('identity'), spiffeId: spiffeId({ ...named, role }) }
      if (state === 'active') await scope.insert(identityTable, { ...its, appId: id, role, state })
    }
    for (const had of await listWhere(scope.tx, grantTable, { appId }, 'order by id for update')) {
      const { roles, resourceId, targetId, columns, unattended, budget, requestId: askedIn } = had
      const isTheirs = ['live', 'resting'].includes(had.state) && askedIn !== null
      const agreed = grants.find(({ from }) => from === had.id)?.actions ?? []
      const actions = had.actions.filter(action => agreed.includes(action))
      if (!isTheirs || actions.length === 0 || had.endsAt <= scope.at) continue
      const its = { id: newId('grant'), appId: id, requestId, actions, endsAt: app.endsAt }
      const same = { roles, resourceId, targetId, columns, unattended, budget }
      await scope.insert(grantTable, newGrant(installation, { ...same, ...its }))
    }
    // As it was, with a newer version: what else people agreed to about it does not hold any more.
    await scope.save(appTable, old, old)
    scope.entry({ kind: appGraduated, by, subjects: [subjectOf(requestTable, request)] })
    return app
  },
)
