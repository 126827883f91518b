/**
 * What a person writes to connect Azure, and what a resource may name there: parsed once, with bounds.
 * No I/O.
 */
import { z } from 'zod'
import type { Json } from '../../src/core/base/json.ts'
import { dataActions } from '../../src/core/base/permit.ts'
import { plain, readShape, secretShape, urlShape } from '../rest/config.ts'

const page = 'docs/connectors/azure.md'
const most = { roles: 50, rolesOfAction: 5 }

const guidShape = z
  .string()
  .regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/, {
    error: 'is an id, as `00000000-0000-0000-0000-000000000000`',
  })
const roleNameShape = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9 ()/._-]{1,98}$/, { error: 'is the name of a role' })

/** INVARIANT: whatever a config allows, nobody is given rights to give rights. Azure's own ids. */
const giving = [
  '8e3af657-a8ff-443c-a75c-2fe8c4bcb635', // Owner
  '18d7d88d-d35e-4fb5-a5c3-7773c20a72d9', // User Access Administrator
  'f58310d9-a9f6-439a-9e8d-f62e7b41a168', // Role Based Access Control Administrator
]
const allowedShape = z
  .record(
    roleNameShape,
    guidShape.refine(id => !giving.includes(id), { error: 'gives rights to give rights' }),
  )
  .refine(each => Object.keys(each).length <= most.roles, { error: 'are too many' })

const configShape = z.strictObject({
  tenant: guidShape,
  /** Our own application; without a secret of it our issuer is trusted there. */
  clientId: guidShape,
  clientSecret: secretShape.optional(),
  /** By the name that resources give them: the ids of roles that may be given. */
  roles: allowedShape,
  url: urlShape.optional(),
})

/** Azure's own grammar, without what makes a path of it. ATTACKER: a name that is another path. */
const groupShape = z
  .string()
  .regex(/^[A-Za-z0-9_()-][A-Za-z0-9_().-]{0,88}(?<!\.)$/, { error: 'is a resource group' })
const resourceShape = z
  .string()
  .max(300)
  .regex(/^[A-Za-z0-9.]{3,60}(\/[A-Za-z0-9]{2,60}\/[A-Za-z0-9][A-Za-z0-9_.-]{0,89})+$/, {
    error: 'is a resource, as `Microsoft.Storage/storageAccounts/NAME`',
  })
const objectShape = z.strictObject({
  subscription: guidShape,
  resourceGroup: groupShape,
  resource: resourceShape.optional(),
  roles: z
    .partialRecord(z.enum(dataActions), z.array(roleNameShape).min(1).max(most.rolesOfAction))
    .refine(each => Object.keys(each).length > 0, { error: 'name at least one action' }),
})

export type AzureConfig = z.infer<typeof configShape>
export type AzureObject = z.infer<typeof objectShape>

export function parseConfig(input: Json): AzureConfig & Json {
  return plain(readShape(configShape, input, { name: 'connect', page }))
}

export function parseObject(input: Json): AzureObject & Json {
  return plain(readShape(objectShape, input, { name: 'object', page }))
}

export function scopeOf({ subscription, resourceGroup, resource }: AzureObject): string {
  const group = `/subscriptions/${subscription}/resourceGroups/${resourceGroup}`
  return resource === undefined ? group : `${group}/providers/${resource}`
}

/** As it stands beside what is ours there; undefined for anything else. ATTACKER: who may write there. */
export function parseScope(text: string): string | undefined {
  const parts = /^\/subscriptions\/([^/]+)\/resourceGroups\/([^/]+)(?:\/providers\/(.+))?$/.exec(
    text,
  )
  const [, subscription = '', resourceGroup = '', resource] = parts ?? []
  const isIt =
    guidShape.safeParse(subscription).success &&
    groupShape.safeParse(resourceGroup).success &&
    resourceShape.optional().safeParse(resource).success
  return isIt ? text : undefined
}
