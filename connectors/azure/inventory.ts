/**
 * Who can sign in there without being a person: applications with their secrets, certificates, trusted
 * issuers and owners, then service principals with what they were given. Reads names, never values.
 */
import type { Json, JsonObject } from '../../src/core/base/json.ts'
import { isProblem, Problem } from '../../src/core/base/problem.ts'
import { parseInstant } from '../../src/core/base/time.ts'
import type { Found } from '../../src/core/target/target.ts'
import {
  type List,
  type ListPage,
  notShown,
  readLists,
  rowsOf,
  textOf,
  thing,
} from '../rest/lists.ts'
import { isOurName, kindOf } from '../rest/names.ts'
import { markOf } from './apps.ts'
import type { Cloud } from './cloud.ts'
import type { AzureConfig } from './config.ts'

const perPage = 50
const appFields =
  'id,appId,displayName,uniqueName,createdDateTime,passwordCredentials,keyCredentials,notes'
const principalFields =
  'id,appId,displayName,servicePrincipalType,accountEnabled,appOwnerOrganizationId'

const what = {
  apps: {
    what: 'applications with their credentials and owners',
    needs: '`Application.Read.All` (application permission)',
  },
  principals: {
    what: 'service principals and what they were given',
    needs: '`Application.Read.All` and `Directory.Read.All` (application permissions)',
  },
} as const
const never = [
  {
    what: 'when applications last signed in',
    needs: 'a person with the sign-in reports of Entra: they are in no API of version 1.0',
  },
  { what: 'role assignments on what was not connected', needs: '`Reader` on the subscription' },
]

/** Who looks: what was connected, or a person with rights of their own (look.ts). */
export interface Looker extends Pick<Cloud, 'readPage' | 'readAll'> {
  readonly config: Pick<AzureConfig, 'tenant'>
}

export function inventory(cloud: Looker, cursor: string | null, signal: AbortSignal) {
  const lists: Record<string, List> = {
    apps: listOf('apps', '/v1.0/applications?', at => apps(cloud, at, signal)),
    principals: listOf('principals', '/v1.0/servicePrincipals?', at =>
      principals(cloud, at, signal),
    ),
  }
  return readLists({ lists, never }, cursor, signal)
}

/** `path`: where all its pages are. ATTACKER: a cursor that has us read something else. */
function listOf(
  name: keyof typeof what,
  path: string,
  page: (at: string) => Promise<ListPage>,
): List {
  return {
    ...what[name],
    isOpen: true,
    page: async at => {
      if (at !== '' && !at.startsWith(path))
        throw new Problem('invalid-field', {
          field: 'cursor',
          detail: 'This is no cursor of ours.',
        })
      try {
        return await page(at)
      } catch (thrown) {
        if (isProblem(thrown, 'target-refused')) return notShown(what[name], 'refused')
        throw thrown
      }
    },
  }
}

async function apps(cloud: Looker, at: string, signal: AbortSignal): Promise<ListPage> {
  const owners = '$expand=owners($select=id,displayName)'
  const first = `/v1.0/applications?$top=${perPage}&$select=${appFields}&${owners}`
  const { value, next } = await cloud.readPage('graph', at || first, signal)
  const told = value.map(async row => {
    const own = textOf(row['uniqueName'])
    if (isOurName(own)) return oursOf(own, row)
    const trusts = `/v1.0/applications/${textOf(row['id'])}/federatedIdentityCredentials`
    return foundOf(row, await cloud.readAll('graph', trusts, signal))
  })
  return { found: (await Promise.all(told)).flat(), next }
}

/** An app of ours has nothing of its own there: its name stands beside each of its grants. */
function oursOf(name: string, row: JsonObject): Found[] {
  const id = `app ${textOf(row['id'])}`
  const madeAt = instantOf(row['createdDateTime'])
  const own = { kind: kindOf(name), name, ours: true, madeAt, details: {} } as const
  const mark = markOf(row['notes'])
  const found = [thing({ id, ...own }, '')]
  if (own.kind !== 'holder' || mark === undefined) return found
  const owner = { id: `owner of ${id}`, kind: 'owner', name: mark.of, ours: true } as const
  return [...found, thing({ ...owner, details: { standsAt: name } }, '')]
}

function foundOf(row: JsonObject, trusts: readonly JsonObject[]): Found[] {
  const app = textOf(row['displayName'])
  const id = textOf(row['id'])
  const [owner = {}] = rowsOf(row, 'owners')
  const creator = textOf(owner['displayName'])
  const of = (
    kind: 'app' | 'secret' | 'key' | 'trust',
    each: JsonObject,
    details: Found['details'],
  ) =>
    thing(
      {
        id: [kind, id, textOf(each['keyId']) || (kind === 'trust' ? textOf(each['id']) : '')]
          .join(' ')
          .trim(),
        kind,
        name: textOf(each['displayName']) || textOf(each['name']) || app,
        madeAt: instantOf(each['createdDateTime'] ?? each['startDateTime']),
        ...(each['endDateTime'] !== undefined && { endsAt: instantOf(each['endDateTime']) }),
        details,
      },
      creator,
    )
  return [
    of('app', row, { appId: textOf(row['appId']), owners: rowsOf(row, 'owners').length }),
    ...rowsOf(row, 'passwordCredentials').map(each => of('secret', each, { app })),
    ...rowsOf(row, 'keyCredentials').map(each => of('key', each, { app })),
    ...trusts.map(each => {
      const { issuer = null, subject = null } = each
      return of('trust', each, { app, issuer, subject })
    }),
  ]
}

/** Of a lease's own nothing: its application is told. */
async function principals(cloud: Looker, at: string, signal: AbortSignal): Promise<ListPage> {
  const first = `/v1.0/servicePrincipals?$top=${perPage}&$select=${principalFields}`
  const { value, next } = await cloud.readPage('graph', at || first, signal)
  const others = value.filter(row => !isOurName(textOf(row['displayName'])))
  const told = others.map(async row => {
    const [id, name] = [textOf(row['id']), textOf(row['displayName'])]
    const { servicePrincipalType: type = null, accountEnabled: isEnabled = null } = row
    const isForeign = textOf(row['appOwnerOrganizationId']) !== cloud.config.tenant
    const about = { id: `account ${id}`, kind: 'account', name } as const
    const given = `/v1.0/servicePrincipals/${id}/appRoleAssignments`
    const roles = (await cloud.readAll('graph', given, signal)).map(each => {
      const details = { principal: name, role: textOf(each['appRoleId']) }
      const of = { id: `role ${textOf(each['id'])}`, kind: 'role', details } as const
      const madeAt = instantOf(each['createdDateTime'])
      return thing({ ...of, name: textOf(each['resourceDisplayName']), madeAt }, '')
    })
    return [thing({ ...about, details: { type, isEnabled, isForeign } }, ''), ...roles]
  })
  return { found: (await Promise.all(told)).flat(), next }
}

const instantOf = (value: Json | undefined) => parseInstant(textOf(value))
