/**
 * What can sign in there, project by project: service accounts with the keys that people made of them,
 * outside issuers that are trusted, and who has rights on the whole project. Reads names, never values.
 */
import { isObject, type JsonObject } from '../../src/core/base/json.ts'
import { isProblem } from '../../src/core/base/problem.ts'
import { parseInstant } from '../../src/core/base/time.ts'
import type { Found, InventoryPage } from '../../src/core/target/target.ts'
import {
  type List,
  type ListPage,
  notShown,
  partOf,
  readLists,
  rowsOf,
  textOf,
  thing,
} from '../rest/lists.ts'
import { isOurName, kindOf } from '../rest/names.ts'
import { type Account, accountShape } from './account.ts'
import { type Cloud, readAs } from './cloud.ts'
import type { GcpConfig } from './config.ts'
import { markOf } from './holder.ts'
import { accountId } from './names.ts'
import { placeOf, readBindings } from './policy.ts'

const most = { perPage: 50, activities: 1_000 }
/** Google's word for never. */
const never = '9999-12-31T23:59:59Z'

/** Who looks: what was connected, or a person with rights of their own (look.ts). */
export interface Looker extends Pick<Cloud, 'call'> {
  readonly config: Pick<GcpConfig, 'project' | 'projects'>
}

export function inventory(cloud: Looker, cursor: string | null, signal: AbortSignal) {
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

function listsOf(cloud: Looker, project: string): Record<string, List> {
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

async function read(cloud: Looker, path: string, signal: AbortSignal): Promise<JsonObject> {
  const { body } = await cloud.call('iam', { method: 'GET', path }, signal)
  return isObject(body) ? body : {}
}

const pageOf = (at: string) =>
  `pageSize=${most.perPage}${at && `&pageToken=${encodeURIComponent(at)}`}`

async function accounts(cloud: Looker, project: string, { at, signal }: Paging): Asked {
  const body = await read(cloud, `/v1/projects/${project}/serviceAccounts?${pageOf(at)}`, signal)
  const used = await lastUsed(cloud, project, signal)
  const told = rowsOf(body, 'accounts').map(async row => {
    const each = readAs(accountShape, row)
    const own = project === cloud.config.project ? ourNameOf(each) : undefined
    if (own !== undefined) return oursOf(own, each)
    const { email: name, disabled: isDisabled } = each
    const lastUsedAt = used?.get(name) ?? null
    const of = { id: `account ${name}`, kind: 'account', name, lastUsedAt } as const
    // Google tells of those alone that were used in a while.
    const isUseShown = lastUsedAt !== null
    const account = thing({ ...of, details: { project, isDisabled, isUseShown } }, '')
    return [
      account,
      ...(await keysOf(cloud, `/v1/projects/${project}/serviceAccounts/${name}`, signal)),
    ]
  })
  const page = { found: (await Promise.all(told)).flat(), next: textOf(body['nextPageToken']) }
  if (used !== undefined || at !== '') return page
  const what = `when service accounts of ${project} were last used`
  const needs = `\`roles/policyanalyzer.activityAnalysisViewer\` on ${project}, and the Policy Analyzer API`
  return { ...page, lacks: { what, needs } }
}

/** ATTACKER: whoever writes a name of ours beside an account of their own. */
function ourNameOf({ email, displayName }: Account): string | undefined {
  const isIt = isOurName(displayName) && email.split('@')[0] === accountId(displayName)
  return isIt ? displayName : undefined
}

/** An app has no account of its own there: its name stands beside each of its grants. */
function oursOf(name: string, account: Account): Found[] {
  const { email, disabled: isDisabled } = account
  const of = { id: `account ${email}`, kind: kindOf(name), name, ours: true } as const
  const own = thing({ ...of, details: { email, isDisabled } }, '')
  const mark = of.kind === 'holder' ? markOf(account) : undefined
  if (mark === undefined) return [own]
  const id = `owner ${mark.owner} of ${email}`
  const owner = { id, kind: 'owner', name: mark.owner, ours: true } as const
  return [own, thing({ ...owner, details: { standsAt: email } }, '')]
}

async function keysOf(cloud: Looker, path: string, signal: AbortSignal): Promise<Found[]> {
  const body = await read(cloud, `${path}/keys?keyTypes=USER_MANAGED`, signal)
  const account = path.slice(path.lastIndexOf('/') + 1)
  return rowsOf(body, 'keys').map(row => {
    const name = textOf(row['name']).split('/').at(-1) ?? ''
    const until = textOf(row['validBeforeTime'])
    const endsAt = until === never ? null : parseInstant(until)
    const madeAt = parseInstant(textOf(row['validAfterTime']))
    const details = {
      account,
      origin: textOf(row['keyOrigin']),
      isDisabled: row['disabled'] === true,
    }
    return thing({ id: `key ${account} ${name}`, kind: 'key', name, madeAt, endsAt, details }, '')
  })
}

/** Undefined where it is not shown. Google lags by days. */
async function lastUsed(cloud: Looker, project: string, signal: AbortSignal) {
  const kind = `projects/${project}/locations/global/activityTypes/serviceAccountLastAuthentication`
  const path = `/v1/${kind}/activities:query?pageSize=${most.activities}`
  const request = { method: 'GET', path, takes: [403, 404] } as const
  const { status, body } = await cloud.call('activity', request, signal)
  if (status >= 400 || !isObject(body)) return undefined
  const used = rowsOf(body, 'activities').map(row => {
    const email = textOf(row['fullResourceName']).split('/').at(-1) ?? ''
    return [email, parseInstant(textOf(partOf(row, 'activity')['lastAuthenticatedTime']))] as const
  })
  return new Map(used)
}

async function trusts(cloud: Looker, project: string, { at, signal }: Paging): Asked {
  const path = `/v1/projects/${project}/locations/global/workloadIdentityPools?${pageOf(at)}`
  const body = await read(cloud, path, signal)
  const told = rowsOf(body, 'workloadIdentityPools').map(async pool => {
    const below = `/v1/${textOf(pool['name'])}/providers?pageSize=100`
    const all = rowsOf(await read(cloud, below, signal), 'workloadIdentityPoolProviders')
    return all.map(row => {
      const id = textOf(row['name'])
      const aws = textOf(partOf(row, 'aws')['accountId'])
      const trusted = textOf(partOf(row, 'oidc')['issuerUri']) || (aws ? `AWS ${aws}` : 'SAML')
      const isDisabled = row['disabled'] === true || pool['disabled'] === true
      const details = { project, trusted, condition: textOf(row['attributeCondition']), isDisabled }
      const name = id.split('/').slice(-3).join('/')
      return thing({ id: `trust ${id}`, kind: 'trust', name, details }, '')
    })
  })
  return { found: (await Promise.all(told)).flat(), next: textOf(body['nextPageToken']) }
}

/** Of the project's own service accounts the first list tells. */
async function members(cloud: Looker, project: string, signal: AbortSignal): Asked {
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
