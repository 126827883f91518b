/** Makes the grant people agreed to: those rights, no others, once. */
import { living, requireIn } from '../app/app.ts'
import { appTable } from '../app/rows.ts'
import { readAgreed } from '../approval/agreed.ts'
import { listAnswers, type RequestRow, requestTable } from '../approval/rows.ts'
import type { GrantId } from '../base/ids.ts'
import { Problem } from '../base/problem.ts'
import { product } from '../base/product.ts'
import { shareRow } from '../ledger/fact-table.ts'
import { entryKind } from '../ledger/kind.ts'
import { type Scope, subjectOf } from '../ledger/record.ts'
import { verb } from '../ledger/verb.ts'
import { findInstallation } from '../people/rows.ts'
import { type GrantBody, isMild, newGrant, offeredColumns, parseGrantBody } from './body.ts'
import { findGrant, grantTable, type ResourceRow, resourceTable } from './rows.ts'

const grantMade = entryKind('grant.make', 'granted what was agreed')

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
    throw new Problem('not-found', { detail: 'What was asked for is not there any more.' })
  requireIn(app, living, scope.at)
  if (resource.state !== 'active' || resource.targetId !== body.targetId) throw notOffered(resource)
  if (body.endsAt <= scope.at || body.endsAt > app.endsAt)
    throw new Problem('wrong-state', {
      detail: 'The time that was asked for is over.',
      next: `Ask again: ${product.command} ask ${resource.slug}`,
    })
  if (request.ownAnswer && !isMild(resource)) await requireOthers(scope, request)
  return resource
}

/** INVARIANT: the asker's own yes counts for mild data alone, also if it was classed anew since. */
async function requireOthers(scope: Scope, request: RequestRow): Promise<void> {
  const answers = await listAnswers(scope.tx, request.id)
  const others = answers.filter(each => each.says === 'yes' && each.personId !== request.askedBy)
  if (others.length >= request.quorum) return
  throw new Problem('approval-needed', {
    detail: 'Nobody agrees alone to their own access to this class of data.',
    next: 'Let another person be its data owner, or ask for its sandbox.',
  })
}

function notOffered(resource: ResourceRow): Problem {
  return new Problem('wrong-state', {
    detail: `\`${resource.slug}\` does not offer this any more.`,
    next: `Ask again: ${product.command} ask ${resource.slug}`,
  })
}
