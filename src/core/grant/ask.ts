/**
 * What a builder asks for, as the body of a request: exactly the rights that will be granted, so that
 * its hash binds them. Pure. The person who answers for the data is who is asked.
 */
import { z } from 'zod'
import { stateAt } from '../app/app.ts'
import type { AppRow } from '../app/rows.ts'
import type { AppId, PersonId, ResourceId, TargetId } from '../base/ids.ts'
import type { JsonObject } from '../base/json.ts'
import { type DataAction, dataActions } from '../base/permit.ts'
import { Problem } from '../base/problem.ts'
import { product } from '../base/product.ts'
import { safeText } from '../base/text.ts'
import type { Instant } from '../base/time.ts'
import { type IdentityRole, identityRoles } from '../identity/spiffe.ts'
import type { ResourceRow } from './rows.ts'

export interface GrantBody extends JsonObject {
  readonly appId: AppId
  readonly resourceId: ResourceId
  readonly targetId: TargetId
  readonly roles: readonly IdentityRole[]
  readonly actions: readonly DataAction[]
  /** Empty only where the resource has no columns. */
  readonly columns: readonly string[]
  readonly unattended: boolean
  readonly endsAt: Instant
}

export interface AskInput {
  app: Pick<AppRow, 'id' | 'slug' | 'state' | 'endsAt'>
  resource: Omit<ResourceRow, 'version' | 'madeAt'>
  roles: readonly IdentityRole[]
  actions: readonly DataAction[]
  /** Some of those offered; all of them when not said. */
  columns?: readonly string[] | undefined
  /** Whether work with nobody there may use it. */
  unattended: boolean
  /** At most, and when not said, the end of the app. */
  endsAt?: Instant | undefined
  now: Instant
}

export interface Ask {
  readonly body: GrantBody
  readonly approvers: readonly PersonId[]
  /** In a solo installation the asker may agree: to sandboxes, public and internal data alone. */
  readonly ownAnswer: boolean
}

export function askFor(input: AskInput): Ask {
  const { app, resource, now } = input
  const state = stateAt(app, now)
  if (state !== 'draft' && state !== 'active')
    throw new Problem('wrong-state', {
      detail: `\`${app.slug}\` is ${state} and gets nothing new.`,
      next: `See why: ${product.command} status ${app.slug}`,
    })
  if (resource.state !== 'active')
    throw new Problem('wrong-state', {
      detail: `\`${resource.slug}\` is retired.`,
      next: `What can be asked for: ${product.command} ls resources`,
    })
  const endsAt = input.endsAt ?? app.endsAt
  if (endsAt <= now || endsAt > app.endsAt)
    throw invalid(
      'endsAt',
      `\`endsAt\` must be later than now and at most ${app.endsAt}, the end of the app.`,
    )
  const roles = identityRoles.filter(role => input.roles.includes(role))
  const actions = dataActions.filter(action => input.actions.includes(action))
  if (roles.length === 0) throw invalid('roles', '`roles` names who of the app may use it.')
  if (actions.length === 0) throw invalid('actions', '`actions` names what it may do.')
  const columns = chooseColumns(resource, input.columns)
  const { unattended } = input
  return {
    body: {
      appId: app.id,
      resourceId: resource.id,
      targetId: resource.targetId,
      roles,
      actions,
      columns,
      unattended,
      endsAt,
    },
    approvers: [resource.dataOwnerId],
    ownAnswer: isMild(resource),
  }
}

/** Data that one person alone may decide about where one person is all there is (design §3.11). */
export function isMild(resource: Pick<ResourceRow, 'isSandbox' | 'dataClass'>): boolean {
  return resource.isSandbox || resource.dataClass === 'public' || resource.dataClass === 'internal'
}

export function offeredColumns(resource: Pick<ResourceRow, 'columns'>): string[] {
  return resource.columns.filter(column => !column.hidden).map(column => column.name)
}

/** INVARIANT: never empty for a resource with columns; to a connector, empty means all. */
function chooseColumns(
  resource: Pick<ResourceRow, 'slug' | 'columns'>,
  asked: readonly string[] | undefined,
): readonly string[] {
  const offered = offeredColumns(resource)
  const chosen = asked === undefined ? offered : offered.filter(name => asked.includes(name))
  const [missing] = (asked ?? []).filter(name => !offered.includes(name))
  if (missing !== undefined)
    throw invalid('columns', `\`${safeText(missing, 63)}\` is not offered in \`${resource.slug}\`.`)
  if (resource.columns.length > 0 && chosen.length === 0)
    throw invalid('columns', `\`columns\` must name at least one that \`${resource.slug}\` offers.`)
  return chosen
}

const bodyShape = z.strictObject({
  appId: z.string(),
  resourceId: z.string(),
  targetId: z.string(),
  roles: z.array(z.enum(identityRoles)).min(1),
  actions: z.array(z.enum(dataActions)).min(1),
  columns: z.array(z.string()),
  unattended: z.boolean(),
  endsAt: z.string(),
})

/** Of a request somebody agreed to. Another form is not one that `askFor` made. */
export function parseGrantBody(body: JsonObject): GrantBody {
  const parsed = bodyShape.safeParse(body)
  if (parsed.success) return parsed.data as unknown as GrantBody
  throw new Problem('hash-mismatch', {
    detail: 'This request does not ask for a grant in a form we know.',
    next: `Ask again: ${product.command} ask`,
  })
}

function invalid(field: string, detail: string): Problem {
  return new Problem('invalid-field', {
    field,
    detail,
    next: `What can be asked for: ${product.command} ls resources`,
  })
}
