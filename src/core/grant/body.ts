/** What the body of a request for a grant says, and what of a resource is offered. Pure. */
import { z } from 'zod'
import type { JsonObject } from '../base/json.ts'
import { dataActions } from '../base/permit.ts'
import { assert, problemOf } from '../base/problem.ts'
import { product } from '../base/product.ts'
import { identityRoles } from '../identity/spiffe.ts'
import type { NewRow } from '../ledger/fact-table.ts'
import type { InstallationRow } from '../people/rows.ts'
import type { Budget, GrantRow, ResourceRow } from './rows.ts'

type Place = 'appId' | 'resourceId' | 'targetId'
/** `columns` is empty only where the resource has none. */
export type GrantBody = JsonObject &
  Pick<GrantRow, Place | 'roles' | 'actions' | 'columns' | 'unattended' | 'endsAt'> & {
    budget?: Budget & JsonObject
  }

/** Data that one person alone may decide about where one person is all there is (design §3.11). */
export function isMild(resource: Pick<ResourceRow, 'isSandbox' | 'dataClass'>): boolean {
  return resource.isSandbox || resource.dataClass === 'public' || resource.dataClass === 'internal'
}

export function offeredColumns(resource: Pick<ResourceRow, 'columns'>): string[] {
  return resource.columns.filter(column => !column.hidden).map(column => column.name)
}

const most = z.number().int().min(1).max(1e12).optional()
export const budgetShape = z
  .strictObject({
    per: z.enum(['task', 'day']),
    calls: most,
    rows: most,
    bytes: most,
    spendCents: most,
  })
  .refine(budget => Object.keys(budget).length > 1, { error: 'bounds something' })
  .transform(budget => budget as Budget)

const bodyShape = z.strictObject({
  appId: z.string(),
  resourceId: z.string(),
  targetId: z.string(),
  roles: z.array(z.enum(identityRoles)).min(1),
  actions: z.array(z.enum(dataActions)).min(1),
  columns: z.array(z.string()),
  unattended: z.boolean(),
  endsAt: z.string(),
  budget: budgetShape.optional(),
})

/** Of a request somebody agreed to. Another form is not one that `askFor` made. */
export function parseGrantBody(body: JsonObject): GrantBody {
  const parsed = bodyShape.safeParse(body)
  if (parsed.success) return parsed.data as unknown as GrantBody
  throw problemOf('request-form-unknown')
}

/** A grant as it begins. What holds its rights at the target goes by a deterministic name. */
export function newGrant(
  installation: InstallationRow | undefined,
  given: Omit<NewRow<GrantRow>, 'holder' | 'state'>,
): NewRow<GrantRow> {
  assert(installation, 'a grant is made in an installation')
  const holder = `${product.targetPrefix}g_${installation.id.slice(3, 9)}_${given.id.slice(3)}`
  return { ...given, holder, state: 'live' }
}
