/**
 * What can sign in there, project by project: service accounts with the keys that people made of them,
 * outside issuers that are trusted, and who has rights on the whole project. Reads names, never values.
 */
import { z } from 'zod'
import { isProblem } from '../../src/core/base/problem.ts'
import { type Instant, parseInstant } from '../../src/core/base/time.ts'
import type { Found, InventoryPage } from '../../src/core/target/target.ts'
import { type List, type ListPage, notShown, readLists, thing } from '../rest/lists.ts'
import { isOurName, kindOf } from '../rest/names.ts'
import { type Account, accountShape } from './account.ts'
import { type Cloud, readAs } from './cloud.ts'
import { markOf } from './holder.ts'
import { accountId } from './names.ts'
import { placeOf, readBindings } from './policy.ts'

const most = { perPage: 50, activities: 1_000 }
/** Google's word for never. */
const never = '9999-12-31T23:59:59Z'

export function inventory(cloud: Cloud, cursor: string | null, signal: AbortSignal) {
  const projects = [...new Set([cloud.config.project, ...(cloud.config.projects ?? [])])]
  const lists = Object.fromEntries(projects.flatMap(each => Object.entries(listsOf(cloud, each))))
  const hidden = [
    { what: 'projects that are not named in `projects`', needs: 'their ids in the configuration' },
    {
      what: 'service accounts that were deleted in the last 30 days',
      needs: 'a person with `iam.serviceAccounts.undelete` and their unique ids: no API lists them',
    },
  ]
  return readLists({ lists, never: hidden }, cursor, signal) satisfies Promise<InventoryPage>
}

function listsOf(cloud: Cloud, project: string): Record<string, List> {
  const list = (
    what: string,
    needs: string,
    page: (at: string, s: AbortSignal) => Asked,
  ): List => ({
    what: `${what} of ${project}`,
    needs: `${needs} on ${project}`,
    isOpen: true,
    page: async (at, signal) => {
      try {
        return await page(at, signal)
      } catch (thrown) {
        if (!isProblem(thrown, 'target-refused')) throw thrown
        return notShown(
          { what: `${what} of ${project}`, needs: `${needs} on ${project}` },
          'refused',
        )
      }
    },
  })
  return {
    [`accounts ${project}`]: list(
      'service accounts and their keys',
      '`iam.serviceAccounts.list` and `iam.serviceAccountKeys.list`',
      (at, signal) => accounts(cloud, project, { at, signal }),
    ),
    [`trusts ${project}`]: list(
      'workload identity pools and providers',
      '`roles/iam.workloadIdentityPoolViewer`',
      (at, signal) => trusts(cloud, project, { at, signal }),
    ),
    [`roles ${project}`]: list(
      'who has rights on the whole',
      '`resourcemanager.projects.getIamPolicy`',
      (_, signal) => members(cloud, project, signal),
    ),
  }
}

type Asked = Promise<ListPage>
interface Paging {
  readonly at: string
  readonly signal: AbortSignal
}

async function read<S extends z.ZodType>(
  cloud: Cloud,
  path: string,
  shape: S,
  signal: AbortSignal,
) {
  return readAs(shape, (await cloud.call('iam', { method: 'GET', path }, signal)).body)
}

const accountsShape = z.object({
  accounts: z.array(accountShape).default([]),
  nextPageToken: z.string().default(''),
})

async function accounts(cloud: Cloud, project: string, { at, signal }: Paging): Asked {
  const query = `pageSize=${most.perPage}${at && `&pageToken=${encodeURIComponent(at)}`}`
  const path = `/v1/projects/${project}/serviceAccounts?${query}`
  const { accounts: all, nextPageToken: next } = await read(cloud, path, accountsShape, signal)
  const used = await lastUsed(cloud, project, signal)
  const isHere = project === cloud.config.project
  const told = all.map(async each => {
    const own = isHere ? ourNameOf(each) : undefined
    const lastUsedAt = used?.get(each.email) ?? null
    const ours = own === undefined ? [] : [ownOf(own, each)]
    const mark = own === undefined ? undefined : markOf(each)
    if (mark !== undefined) ours.push(ownerOf(mark.owner, each))
    if (own !== undefined) return ours
    const { email: name, disabled } = each
    const of = { id: `account ${name}`, kind: 'account', name, lastUsedAt } as const
    const keys = await keysOf(cloud, { project, email: name }, signal)
    return [thing({ ...of, details: { project, isDisabled: disabled } }, ''), ...keys]
  })
  const found = (await Promise.all(told)).flat()
  if (used !== undefined || at !== '') return { found, next }
  const what = `when service accounts of ${project} were last used`
  const needs = `\`roles/policyanalyzer.activityAnalysisViewer\` on ${project}, and the Policy Analyzer API`
  return { found, next, lacks: { what, needs } }
}

/** ATTACKER: whoever writes a name of ours beside an account of their own. */
function ourNameOf({ email, displayName }: Account): string | undefined {
  const isIt = isOurName(displayName) && email.split('@')[0] === accountId(displayName)
  return isIt ? displayName : undefined
}

function ownOf(name: string, { email, disabled }: Account): Found {
  const of = { id: `account ${email}`, kind: kindOf(name), name, ours: true } as const
  return thing({ ...of, details: { email, isDisabled: disabled } }, '')
}

/** An app has no account of its own there: its name stands beside each of its grants. */
function ownerOf(name: string, { email }: Account): Found {
  const of = { id: `owner ${name} of ${email}`, kind: 'owner', name, ours: true } as const
  return thing({ ...of, details: { standsAt: email } }, '')
}

const keysShape = z.object({
  keys: z
    .array(
      z.object({
        name: z.string(),
        validAfterTime: z.string().default(''),
        validBeforeTime: z.string().default(''),
        keyOrigin: z.string().default(''),
        disabled: z.boolean().default(false),
      }),
    )
    .default([]),
})

async function keysOf(
  cloud: Cloud,
  { project, email }: { project: string; email: string },
  signal: AbortSignal,
): Promise<Found[]> {
  const path = `/v1/projects/${project}/serviceAccounts/${email}/keys?keyTypes=USER_MANAGED`
  const { keys } = await read(cloud, path, keysShape, signal)
  return keys.map(({ name, validAfterTime, validBeforeTime, keyOrigin, disabled }) => {
    const id = name.slice(name.lastIndexOf('/') + 1)
    const endsAt = validBeforeTime === never ? null : parseInstant(validBeforeTime)
    const about = { id: `key ${email} ${id}`, kind: 'key', name: id } as const
    const details = { account: email, origin: keyOrigin, isDisabled: disabled }
    return thing({ ...about, madeAt: parseInstant(validAfterTime), endsAt, details }, '')
  })
}

const activitiesShape = z.object({
  activities: z
    .array(
      z.object({
        fullResourceName: z.string(),
        activity: z.object({ lastAuthenticatedTime: z.string().default('') }).default({
          lastAuthenticatedTime: '',
        }),
      }),
    )
    .default([]),
})

/** Undefined where it is not shown. Google looks back a year or so, and lags by days. */
async function lastUsed(cloud: Cloud, project: string, signal: AbortSignal) {
  const kind = `projects/${project}/locations/global/activityTypes/serviceAccountLastAuthentication`
  const path = `/v1/${kind}/activities:query?pageSize=${most.activities}`
  const request = { method: 'GET', path, takes: [403, 404] } as const
  const { status, body } = await cloud.call('activity', request, signal)
  if (status >= 400) return undefined
  const used = new Map<string, Instant | null>()
  for (const { fullResourceName: name, activity } of readAs(activitiesShape, body).activities)
    used.set(name.slice(name.lastIndexOf('/') + 1), parseInstant(activity.lastAuthenticatedTime))
  return used
}

const poolsShape = z.object({
  workloadIdentityPools: z
    .array(z.object({ name: z.string(), disabled: z.boolean().default(false) }))
    .default([]),
  nextPageToken: z.string().default(''),
})
const providersShape = z.object({
  workloadIdentityPoolProviders: z
    .array(
      z.object({
        name: z.string(),
        disabled: z.boolean().default(false),
        attributeCondition: z.string().default(''),
        oidc: z.object({ issuerUri: z.string() }).optional(),
        aws: z.object({ accountId: z.string() }).optional(),
      }),
    )
    .default([]),
})

async function trusts(cloud: Cloud, project: string, { at, signal }: Paging): Asked {
  const query = `pageSize=${most.perPage}${at && `&pageToken=${encodeURIComponent(at)}`}`
  const path = `/v1/projects/${project}/locations/global/workloadIdentityPools?${query}`
  const { workloadIdentityPools: pools, nextPageToken: next } = await read(
    cloud,
    path,
    poolsShape,
    signal,
  )
  const each = pools.map(async pool => {
    const below = `/v1/${pool.name}/providers?pageSize=100`
    const { workloadIdentityPoolProviders: all } = await read(cloud, below, providersShape, signal)
    return all.map(({ name, oidc, aws, ...rest }) => {
      const trusted = oidc?.issuerUri ?? (aws ? `AWS account ${aws.accountId}` : 'SAML')
      const isDisabled = rest.disabled || pool.disabled
      const condition = rest.attributeCondition
      const short = name.split('/').slice(-3).join('/')
      const of = { id: `trust ${name}`, kind: 'trust', name: short } as const
      return thing({ ...of, details: { project, trusted, condition, isDisabled } }, '')
    })
  })
  return { found: (await Promise.all(each)).flat(), next }
}

/** Of the project's own service accounts the first list tells. */
async function members(cloud: Cloud, project: string, signal: AbortSignal): Asked {
  const bindings = await readBindings(cloud, placeOf({ project }), signal)
  const isOwn = (member: string) => member.endsWith(`@${project}.iam.gserviceaccount.com`)
  const found = bindings.flatMap(({ role, members: all, condition }) =>
    all
      .filter(member => !isOwn(member))
      .map(member => {
        const id = ['role', project, role, member, condition?.expression ?? ''].join(' ').trim()
        const details = { project, role, ...(condition && { condition: condition.title }) }
        return thing({ id, kind: 'role', name: member, details }, '')
      }),
  )
  return { found, next: '' }
}
