/**
 * What a builder asks for, as the body of a request: exactly the rights that will be granted, so that
 * its hash binds them. Pure. The person who answers for the data is who is asked. Nothing is granted
 * by it: what people agreed to is looked at again (`core/grant/agreed.ts`).
 */
import { requireIn } from '../../core/app/app.ts'
import type { AppRow } from '../../core/app/rows.ts'
import { type DataAction, dataActions } from '../../core/base/permit.ts'
import { problemOf, problemsWith } from '../../core/base/problem.ts'
import { product } from '../../core/base/product.ts'
import { safeText } from '../../core/base/text.ts'
import type { Instant } from '../../core/base/time.ts'
import { type GrantBody, isMild, offeredColumns } from '../../core/grant/body.ts'
import type { Budget, ResourceRow } from '../../core/grant/rows.ts'
import { type IdentityRole, identityRoles } from '../../core/identity/spiffe.ts'

export interface AskInput {
  app: Pick<AppRow, 'id' | 'slug' | 'state' | 'endsAt'>
  resource: Omit<ResourceRow, 'version' | 'madeAt'>
  roles: readonly IdentityRole[]
  actions: readonly DataAction[]
  /** Some of those offered; all of them when not said. */
  columns?: readonly string[] | undefined
  /** Whether work with nobody there may use it. */
  unattended: boolean
  /** The most that may be used in a task or a day; without it there is no bound. */
  budget?: Budget | undefined
  /** At most, and when not said, the end of the app. */
  endsAt?: Instant | undefined
  now: Instant
}

export function askFor(input: AskInput) {
  const { app, resource, unattended, budget, now } = input
  requireIn(app, ['active'], now)
  if (resource.state !== 'active') throw problemOf('target-retired', { slug: resource.slug })
  const endsAt = input.endsAt ?? app.endsAt
  if (endsAt <= now || endsAt > app.endsAt)
    throw invalid(
      `\`endsAt\` must be later than now and at most ${app.endsAt}, the end of the app.`,
      'endsAt',
    )
  const roles = identityRoles.filter(role => input.roles.includes(role))
  const actions = dataActions.filter(action => input.actions.includes(action))
  if (roles.length === 0) throw invalid('`roles` names who of the app may use it.', 'roles')
  if (actions.length === 0) throw invalid('`actions` names what it may do.', 'actions')
  const columns = chooseColumns(resource, input.columns)
  const about = { appId: app.id, resourceId: resource.id, targetId: resource.targetId }
  const rights = { roles, actions, columns, unattended, endsAt }
  const body: GrantBody = { ...about, ...rights, ...(budget && { budget: { ...budget } }) }
  // In a solo installation the asker may agree: to sandboxes, public and internal data alone.
  return { body, approvers: [resource.dataOwnerId], ownAnswer: isMild(resource) }
}

/** INVARIANT: never empty for a resource with columns; to a connector, empty means all. */
function chooseColumns(resource: AskInput['resource'], asked: AskInput['columns']) {
  const offered = offeredColumns(resource)
  const chosen = asked === undefined ? offered : offered.filter(name => asked.includes(name))
  const [missing] = (asked ?? []).filter(name => !offered.includes(name))
  if (missing !== undefined)
    throw invalid(`\`${safeText(missing, 63)}\` is not offered in \`${resource.slug}\`.`, 'columns')
  if (resource.columns.length > 0 && chosen.length === 0)
    throw invalid(`\`columns\` must name at least one that \`${resource.slug}\` offers.`, 'columns')
  return chosen
}

const invalid = problemsWith(
  'invalid-field',
  `What can be asked for: ${product.command} ls resources`,
)
