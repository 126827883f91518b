/**
 * What a person writes to connect Google Cloud, and what a resource may name there: parsed once, with
 * bounds. No I/O.
 */
import { createPrivateKey } from 'node:crypto'
import { z } from 'zod'
import type { Json } from '../../src/core/base/json.ts'
import { dataActions } from '../../src/core/base/permit.ts'
import { plain, readShape, urlShape } from '../rest/config.ts'

const page = 'docs/connectors/gcp.md'
const most = { pemChars: 8_000, roles: 50, projects: 100, rolesOfAction: 5 }

/** Google's own grammar. ATTACKER: a name that is another path, or another API's verb (`:`). */
const projectShape = z
  .string()
  .regex(/^[a-z][a-z0-9-]{4,28}[a-z0-9]$/, { error: 'is the id of a project' })
const emailShape = z
  .string()
  .regex(/^[a-z][a-z0-9-]{4,28}[a-z0-9]@[a-z][a-z0-9-]{4,28}[a-z0-9]\.iam\.gserviceaccount\.com$/, {
    error: 'is the address of a service account',
  })
const bucketShape = z
  .string()
  .regex(/^[a-z0-9](?!.*\.\.)[a-z0-9._-]{1,98}[a-z0-9]$/, { error: 'is the name of a bucket' })
const secretShape = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,100}$/, { error: 'is the name of a secret, at most 100 characters' })

/** INVARIANT: whatever a config allows, nobody is given a whole project, or rights to give rights. */
const tooMuch =
  /^roles\/(owner|editor|viewer|.*admin|.*owner|iam\..*|resourcemanager\..*|.*serviceAgent|.*tokenCreator)$/i
const roleShape = z
  .string()
  .regex(/^(roles|projects\/[a-z][a-z0-9-]{4,28}[a-z0-9]\/roles)\/[A-Za-z0-9_.]{3,100}$/, {
    error: 'is a role, as `roles/bigquery.dataViewer`',
  })
  .refine(role => !tooMuch.test(role), { error: 'gives a whole project, or rights to give rights' })

const keyShape = z.object({
  client_email: emailShape,
  private_key_id: z.string().regex(/^[0-9a-f]{10,64}$/, { error: 'is the id of a key' }),
  private_key: z.string().max(most.pemChars).refine(isRsaKey, { error: 'is an RSA key (PEM)' }),
})
const providerShape = z
  .string()
  .regex(
    /^\/\/iam\.googleapis\.com\/projects\/\d{1,20}\/locations\/global\/workloadIdentityPools\/[a-z0-9-]{4,32}\/providers\/[a-z0-9-]{4,32}$/,
    {
      error:
        'is `//iam.googleapis.com/projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER`',
    },
  )

const configShape = z
  .strictObject({
    /** Where service accounts of leases and grants are made. */
    project: projectShape,
    key: keyShape.optional(),
    provider: providerShape.optional(),
    serviceAccount: emailShape.optional(),
    /** Roles that a resource may name on a whole project. */
    roles: z.array(roleShape).max(most.roles).optional(),
    /** Other projects that an inventory looks at. */
    projects: z.array(projectShape).max(most.projects).optional(),
    url: urlShape.optional(),
  })
  .refine(one => (one.key === undefined) !== (one.provider === undefined), {
    error: 'has a `key`, or a `provider` with its `serviceAccount`',
  })
  .refine(one => (one.provider === undefined) === (one.serviceAccount === undefined), {
    error: 'has a `serviceAccount` exactly beside a `provider`',
  })

const rolesShape = z
  .partialRecord(z.enum(dataActions), z.array(roleShape).min(1).max(most.rolesOfAction))
  .refine(each => Object.keys(each).length > 0, { error: 'name at least one action' })
const placeShape = z
  .strictObject({
    bucket: bucketShape.optional(),
    project: projectShape.optional(),
    secret: secretShape.optional(),
  })
  .refine(one => (one.bucket === undefined) !== (one.project === undefined), {
    error: 'is of a `bucket` or a `project`',
  })
  .refine(one => one.secret === undefined || one.project !== undefined, {
    error: 'has a `secret` of a `project`',
  })
const objectShape = placeShape
  .safeExtend({ roles: rolesShape.optional() })
  .refine(one => (one.roles === undefined) !== (one.bucket === undefined && !one.secret), {
    error: 'is `{bucket}`, `{project, secret}` or `{project, roles}`',
  })

export type GcpConfig = z.infer<typeof configShape>
export type GcpObject = z.infer<typeof objectShape>
/** What has a policy of its own. */
export type GcpPlace = z.infer<typeof placeShape>

export function parseConfig(input: Json): GcpConfig & Json {
  return plain(readShape(configShape, input, { name: 'connect', page }))
}

export function parseObject(input: Json): GcpObject & Json {
  return plain(readShape(objectShape, input, { name: 'object', page }))
}

/** As it stands beside what is ours there. ATTACKER: who may write there. */
export function parsePlace(input: Json): GcpPlace & Json {
  return plain(readShape(placeShape, input, { name: 'place', page }))
}

/** Whose rights are ours there. */
export function adminOf({ key, serviceAccount }: GcpConfig): string {
  return key?.client_email ?? serviceAccount ?? ''
}

function isRsaKey(pem: string): boolean {
  try {
    return createPrivateKey(pem).asymmetricKeyType === 'rsa'
  } catch {
    return false
  }
}
