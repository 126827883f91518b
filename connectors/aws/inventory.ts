/**
 * Who may act in the account, and by what: roles with whom they trust, users with their passwords and
 * keys, and outside issuers. A page is a few, since of each one more is asked. What is not shown is said.
 */
import * as iam from '@aws-sdk/client-iam'
import { isObject, type Json } from '../../src/core/base/json.ts'
import { product } from '../../src/core/base/product.ts'
import { fromMs } from '../../src/core/base/time.ts'
import type { Found, InventoryPage } from '../../src/core/target/target.ts'
import { type List, type ListPage, notShown, readLists, thing } from '../rest/lists.ts'
import { type Account, type Command, type In, nameOf, type Out } from './account.ts'
import type { AwsConfig } from './config.ts'
import { parsePolicy } from './policy.ts'
import { ifThere, isCode } from './trouble.ts'

const most = { perPage: 15, trusts: 20 }
const never = [
  { what: 'sessions that are open', needs: 'nothing: AWS lists none' },
  { what: 'people of IAM Identity Center', needs: 'a look there' },
  { what: 'what policies of single resources let in', needs: 'IAM Access Analyzer' },
]

/** Who looks: a connected account, or a person with rights of their own (look.ts). */
export interface Looker extends Pick<Account, 'ask' | 'issuer'> {
  readonly config: Pick<AwsConfig, 'path' | 'accessKeyId'>
}

export function inventory(
  account: Looker,
  cursor: string | null,
  signal: AbortSignal,
): Promise<InventoryPage> {
  return readLists({ lists: listsOf(account), never }, cursor, signal)
}

export function listsOf(account: Looker): Readonly<Record<string, List>> {
  const list = (what: string, right: string, read: Read): List => ({
    what,
    needs: `iam:${right}`,
    isOpen: true,
    async page(at, signal, MaxItems = most.perPage) {
      const asking = askMore(account, signal)
      try {
        const page = await read(asking, { MaxItems, ...(at && { Marker: at }) })
        return { ...page, lacks: asking.lacks(what) }
      } catch (thrown) {
        // What a right does not show is said; it is no reason to stop.
        if (!isCode(thrown, 'AccessDenied')) throw thrown
        return notShown({ what, needs: `iam:${right}` }, 'AccessDenied')
      }
    },
  })
  return {
    roles: list('roles', 'ListRoles', readRoles),
    users: list('users', 'ListUsers', readUsers),
    oidc: list('outside issuers (OIDC)', 'ListOpenIDConnectProviders', readIssuers),
    saml: list('outside issuers (SAML)', 'ListSAMLProviders', readSaml),
  }
}

type Page = { readonly MaxItems: number; readonly Marker?: string }
type Read = (asking: Asking, page: Page) => Promise<ListPage>
type Asking = ReturnType<typeof askMore>

async function readRoles(asking: Asking, page: Page): Promise<ListPage> {
  const said = await asking.ask(new iam.ListRolesCommand(page))
  const { path } = asking.account.config
  const found = (said.Roles ?? []).map(async (role): Promise<Found> => {
    const { RoleName: name = '', Path = '' } = role
    // A list does not tell when they were used.
    const full = await asking.more(new iam.GetRoleCommand({ RoleName: name }))
    const isOurs = Path === path && name.startsWith(`${product.targetPrefix}g_`)
    const trusts = trustsOf(parsePolicy(role.AssumeRolePolicyDocument))
    return {
      id: `role ${role.Arn}`,
      kind: isOurs ? 'holder' : 'role',
      name,
      ours: isOurs,
      madeAt: instantOf(role.CreateDate),
      lastUsedAt: instantOf(full?.Role?.RoleLastUsed?.LastUsedDate),
      details: { path: Path, trusts, isUseShown: full !== null },
    }
  })
  return { found: await Promise.all(found), next: nextOf(said) }
}

async function readUsers(asking: Asking, page: Page): Promise<ListPage> {
  const said = await asking.ask(new iam.ListUsersCommand(page))
  const found = (said.Users ?? []).map(async user => {
    const { UserName = '' } = user
    const [login, mfa, held] = await Promise.all([
      asking.more(new iam.GetLoginProfileCommand({ UserName })),
      asking.more(new iam.ListMFADevicesCommand({ UserName })),
      asking.more(new iam.ListAccessKeysCommand({ UserName })),
    ])
    const person = {
      id: `user ${user.Arn}`,
      kind: 'account',
      name: UserName,
      madeAt: instantOf(user.CreateDate),
      lastUsedAt: instantOf(user.PasswordLastUsed),
      details: {
        hasPassword: login === null ? null : login !== undefined,
        devices: mfa?.MFADevices?.length ?? null,
      },
    } as const
    const keys = (held?.AccessKeyMetadata ?? []).map(key => keyOf(asking, key))
    return [thing(person, ''), ...(await Promise.all(keys))]
  })
  return { found: (await Promise.all(found)).flat(), next: nextOf(said) }
}

async function keyOf(asking: Asking, key: iam.AccessKeyMetadata): Promise<Found> {
  const { AccessKeyId = '', UserName = '', Status: status = null } = key
  const used = await asking.more(new iam.GetAccessKeyLastUsedCommand({ AccessKeyId }))
  const { LastUsedDate, ServiceName: service = null } = used?.AccessKeyLastUsed ?? {}
  const own = {
    id: `key ${AccessKeyId}`,
    kind: 'key',
    name: AccessKeyId,
    ours: AccessKeyId === asking.account.config.accessKeyId,
    madeAt: instantOf(key.CreateDate),
    lastUsedAt: instantOf(LastUsedDate),
    details: { status, service, isUseShown: used !== null },
  } as const
  return thing(own, UserName)
}

async function readIssuers(asking: Asking): Promise<ListPage> {
  const said = await asking.ask(new iam.ListOpenIDConnectProvidersCommand({}))
  const found = (said.OpenIDConnectProviderList ?? []).map(async ({ Arn = '' }) => {
    const get = new iam.GetOpenIDConnectProviderCommand({ OpenIDConnectProviderArn: Arn })
    const full = await asking.more(get)
    const name = Arn.slice(Arn.indexOf('/') + 1)
    const ours = asking.account.issuer?.replace(/^https?:\/\//, '') === name
    const details = { audiences: full?.ClientIDList ?? null }
    const madeAt = instantOf(full?.CreateDate)
    return thing({ id: `issuer ${Arn}`, kind: 'trust', name, ours, madeAt, details }, '')
  })
  return { found: await Promise.all(found), next: '' }
}

async function readSaml(asking: Asking): Promise<ListPage> {
  const said = await asking.ask(new iam.ListSAMLProvidersCommand({}))
  const found = (said.SAMLProviderList ?? []).map(({ Arn = '', CreateDate, ValidUntil }) => {
    const [madeAt, endsAt] = [instantOf(CreateDate), instantOf(ValidUntil)]
    const name = Arn.slice(Arn.indexOf('/') + 1)
    return thing({ id: `issuer ${Arn}`, kind: 'trust', name, madeAt, endsAt, details: {} }, '')
  })
  return { found, next: '' }
}

/** `more`: what is asked of each one beside the list. Undefined where it is not there, null where it is not shown. */
function askMore(account: Looker, signal: AbortSignal) {
  const missing = new Set<string>()
  return {
    account,
    ask: <I extends In, O extends Out>(command: Command<I, O>) => account.ask(command, signal),
    async more<I extends In, O extends Out>(command: Command<I, O>): Promise<O | undefined | null> {
      try {
        return await ifThere(account.ask(command, signal))
      } catch (thrown) {
        if (!isCode(thrown, 'AccessDenied')) throw thrown
        missing.add(nameOf(command))
        return null
      }
    },
    lacks(what: string) {
      if (missing.size === 0) return undefined
      return { what: `more of ${what}`, needs: [...missing].sort().join(', ') }
    },
  }
}

/** Whom a role lets in: accounts, users, services and outside issuers. */
function trustsOf(document: Json): string[] {
  const statements = isObject(document) ? [document['Statement'] ?? []].flat() : []
  const principals = statements.filter(isObject).map(each => each['Principal'] ?? null)
  const names = principals.flatMap(each => (isObject(each) ? Object.values(each).flat() : [each]))
  return [...new Set(names.map(String))].slice(0, most.trusts)
}

function nextOf({
  IsTruncated,
  Marker,
}: Pick<iam.ListRolesResponse, 'IsTruncated' | 'Marker'>): string {
  return (IsTruncated && Marker) || ''
}

function instantOf(date: Date | undefined) {
  return date === undefined ? null : fromMs(date.getTime())
}
