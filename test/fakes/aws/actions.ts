/** What IAM and STS do in a pretend account, one function an action, after the caller was let in. */
import type { Json } from '../../../src/core/base/json.ts'
import { addSeconds, type Instant, toSeconds } from '../../../src/core/base/time.ts'
import { readPolicy, trusts } from './policies.ts'
import {
  type Answer,
  arnOf,
  change,
  type FakeRole,
  type Input,
  newId,
  Refusal,
  type State,
  settle,
} from './state.ts'
import { type Claims, readWord } from './web-identity.ts'

export interface Caller {
  readonly arn: string
  readonly name: string
}
type Do = (state: State, input: Input, caller: Caller) => Answer | Promise<Answer>

const policyChars = 10_240
const sessionChars = 2_048

export const actions: Readonly<Record<string, Do>> = {
  CreateRole(state, input) {
    const { RoleName: name = '', Path: path = '/', AssumeRolePolicyDocument: trust = '' } = input
    if (!/^[\w+=,.@-]{1,64}$/.test(name)) throw new Refusal('ValidationError')
    if (state.roles.has(name)) throw new Refusal('EntityAlreadyExists', 409)
    const role: FakeRole = {
      name,
      path,
      id: newId('AROA'),
      madeAt: state.clock.now(),
      trust: parse(trust, true),
      boundary: input['PermissionsBoundary'],
      tags: tagsOf(input),
      longestSeconds: Number(input['MaxSessionDuration'] ?? 3_600),
      told: new Map(),
      held: new Map(),
      attached: [],
      lastUsedAt: null,
    }
    state.roles.set(name, role)
    return { Role: roleOf(state, role) }
  },
  GetRole: (state, input) => ({ Role: roleOf(state, roleNamed(state, input)) }),
  DeleteRole(state, input) {
    const role = roleNamed(state, input)
    if (role.told.size + role.attached.length > 0) throw new Refusal('DeleteConflict', 409)
    if (state.ending !== 'lies') state.roles.delete(role.name)
    return {}
  },
  ListRoles: (state, input) =>
    paged(
      input,
      'Roles',
      [...state.roles.values()]
        .filter(({ path }) => path.startsWith(input['PathPrefix'] ?? '/'))
        .map(role => roleOf(state, role, false)),
    ),
  ListRoleTags: (state, input) => ({
    Tags: told(roleNamed(state, input)),
    IsTruncated: false,
  }),
  TagRole(state, input) {
    Object.assign(roleNamed(state, input).tags, tagsOf(input))
    return {}
  },
  PutRolePolicy(state, input) {
    const role = roleNamed(state, input)
    const { PolicyName: name = '', PolicyDocument: text = '' } = input
    if (!/^[\w+=,.@-]{1,128}$/.test(name)) throw new Refusal('ValidationError')
    parse(text)
    const others = [...role.told].filter(([each]) => each !== name).map(([, each]) => each)
    // White space is not counted.
    if ([text, ...others].join('').replace(/\s/g, '').length > policyChars)
      throw new Refusal('LimitExceeded', 409)
    change(state, role, policies => policies.set(name, text))
    return {}
  },
  GetRolePolicy(state, input) {
    const { told, name } = roleNamed(state, input)
    const text = told.get(input['PolicyName'] ?? '')
    if (text === undefined) throw new Refusal('NoSuchEntity', 404)
    const PolicyDocument = encodeURIComponent(text)
    return { RoleName: name, PolicyName: input['PolicyName'], PolicyDocument }
  },
  DeleteRolePolicy(state, input) {
    const role = roleNamed(state, input)
    const name = input['PolicyName'] ?? ''
    if (!role.told.has(name)) throw new Refusal('NoSuchEntity', 404)
    change(state, role, policies => policies.delete(name))
    return {}
  },
  ListRolePolicies: (state, input) =>
    paged(input, 'PolicyNames', [...roleNamed(state, input).told.keys()]),
  ListAttachedRolePolicies: (state, input) =>
    paged(
      input,
      'AttachedPolicies',
      roleNamed(state, input).attached.map(PolicyName => ({
        PolicyName,
        PolicyArn: `arn:aws:iam::aws:policy/${PolicyName}`,
      })),
    ),
  ListUsers: (state, input) =>
    paged(
      input,
      'Users',
      [...state.users.values()].map(user => ({
        Path: '/',
        UserName: user.name,
        UserId: user.id,
        Arn: arnOf(state, 'user', user),
        CreateDate: user.madeAt,
      })),
    ),
  ListAccessKeys: (state, input) =>
    paged(
      input,
      'AccessKeyMetadata',
      userNamed(state, input).keys.map(({ id, madeAt }) => ({
        UserName: input['UserName'] ?? '',
        AccessKeyId: id,
        Status: 'Active',
        CreateDate: madeAt,
      })),
    ),
  GetAccessKeyLastUsed(state, input) {
    for (const { name, keys } of state.users.values())
      for (const { id, lastUsedAt } of keys)
        if (id === input['AccessKeyId']) {
          const used = lastUsedAt && { LastUsedDate: lastUsedAt }
          const AccessKeyLastUsed = { ServiceName: used ? 'iam' : 'N/A', Region: 'N/A', ...used }
          return { UserName: name, AccessKeyLastUsed }
        }
    throw new Refusal('AccessDenied', 403)
  },
  GetLoginProfile(state, input) {
    const { name, hasPassword, madeAt } = userNamed(state, input)
    if (!hasPassword) throw new Refusal('NoSuchEntity', 404)
    return { LoginProfile: { UserName: name, CreateDate: madeAt } }
  },
  ListMFADevices(state, input) {
    const { name, devices, madeAt } = userNamed(state, input)
    const all = Array.from({ length: devices }, (_, i) => ({
      UserName: name,
      SerialNumber: `arn:aws:iam::${state.account}:mfa/${name}-${i}`,
      EnableDate: madeAt,
    }))
    return paged(input, 'MFADevices', all)
  },
  ListOpenIDConnectProviders: state => ({
    OpenIDConnectProviderList: [...state.issuers.keys()].map(host => ({
      Arn: `arn:aws:iam::${state.account}:oidc-provider/${host}`,
    })),
  }),
  GetOpenIDConnectProvider(state, input) {
    const host = (input['OpenIDConnectProviderArn'] ?? '').replace(/^[^/]*\//, '')
    const known = state.issuers.get(host)
    if (known === undefined) throw new Refusal('NoSuchEntity', 404)
    return { Url: host, ClientIDList: known.audiences, CreateDate: state.clock.now() }
  },
  ListSAMLProviders: state => ({
    SAMLProviderList: [...state.saml].map(([name, { madeAt, endsAt }]) => ({
      Arn: `arn:aws:iam::${state.account}:saml-provider/${name}`,
      CreateDate: madeAt,
      ValidUntil: endsAt,
    })),
  }),
  GetCallerIdentity: (state, _, caller) => ({ Account: state.account, Arn: caller.arn }),
  AssumeRole(state, input, caller) {
    const context = { 'sts:ExternalId': input['ExternalId'] }
    return assume(state, input, { principal: caller.arn, kind: '', context })
  },
  async AssumeRoleWithWebIdentity(state, input) {
    const { host, claims } = await readWord(state, input['WebIdentityToken'] ?? '')
    const principal = `arn:aws:iam::${state.account}:oidc-provider/${host}`
    const context = { [`${host}:aud`]: audienceOf(claims), [`${host}:sub`]: claims.sub }
    return assume(state, input, { principal, kind: 'WithWebIdentity', context })
  },
}

interface Assuming {
  readonly principal: string
  readonly kind: string
  readonly context: Readonly<Record<string, string | undefined>>
}

function assume(state: State, input: Input, { principal, kind, context }: Assuming): Answer {
  const { RoleArn: arn = '', RoleSessionName: name = '', Policy: text } = input
  const seconds = Number(input['DurationSeconds'] ?? 3_600)
  const role = [...state.roles.values()].find(each => arnOf(state, 'role', each) === arn)
  // Whether there is such a role nobody is told.
  if (role === undefined || !trusts(role.trust, principal, `sts:AssumeRole${kind}`, context))
    throw new Refusal('AccessDenied', 403)
  if (!/^[\w+=,.@-]{2,64}$/.test(name) || seconds < 900 || seconds > role.longestSeconds)
    throw new Refusal('ValidationError')
  if ((text?.length ?? 0) > sessionChars) throw new Refusal('PackedPolicyTooLarge')
  const issuedAt = `${state.clock.now().slice(0, 19)}.000Z` as Instant
  const session = {
    keyId: newId('ASIA'),
    secret: newId('') + newId(''),
    token: newId('FwoG') + newId('').repeat(20),
    roleId: role.id,
    name,
    policy: text === undefined ? undefined : parse(text),
    issuedAt,
    expiresAt: addSeconds(issuedAt, seconds),
    isDropped: false,
  }
  state.sessions.set(session.keyId, session)
  return {
    AssumedRoleUser: { AssumedRoleId: `${role.id}:${name}`, Arn: `${arn}/${name}` },
    Credentials: {
      AccessKeyId: session.keyId,
      SecretAccessKey: session.secret,
      SessionToken: session.token,
      Expiration: session.expiresAt,
    },
  }
}

/** What an action is about, as policies name it. */
export function resourceOf(state: State, input: Input): string {
  if (input['RoleArn'] !== undefined) return input['RoleArn']
  const { RoleName: name, UserName: user, Path: path } = input
  if (user !== undefined) return arnOf(state, 'user', { name: user })
  if (name === undefined) return input['OpenIDConnectProviderArn'] ?? '*'
  return arnOf(state, 'role', state.roles.get(name) ?? { name, path: path ?? '/' })
}

function roleNamed(state: State, { RoleName = '' }: Input): FakeRole {
  settle(state)
  const role = state.roles.get(RoleName)
  if (role === undefined) throw new Refusal('NoSuchEntity', 404)
  return role
}

function userNamed(state: State, { UserName = '' }: Input) {
  const user = state.users.get(UserName)
  if (user === undefined) throw new Refusal('NoSuchEntity', 404)
  return user
}

const told = ({ tags }: FakeRole): Json =>
  Object.entries(tags).map(([Key, Value]) => ({ Key, Value }))

/** A list tells less of a role than asking for it by its name. */
function roleOf(state: State, role: FakeRole, isWhole = true): Json {
  const last = role.lastUsedAt === null ? {} : { LastUsedDate: role.lastUsedAt, Region: 'x' }
  const boundary = role.boundary && {
    PermissionsBoundary: {
      PermissionsBoundaryType: 'Policy',
      PermissionsBoundaryArn: role.boundary,
    },
  }
  return {
    Path: role.path,
    RoleName: role.name,
    RoleId: role.id,
    Arn: arnOf(state, 'role', role),
    CreateDate: role.madeAt,
    AssumeRolePolicyDocument: encodeURIComponent(JSON.stringify(role.trust)),
    MaxSessionDuration: role.longestSeconds,
    ...(isWhole && { RoleLastUsed: last, Tags: told(role), ...boundary }),
  }
}

function tagsOf(input: Input): Record<string, string> {
  const tags: Record<string, string> = {}
  for (let i = 1; input[`Tags.member.${i}.Key`] !== undefined; i++)
    tags[input[`Tags.member.${i}.Key`] ?? ''] = input[`Tags.member.${i}.Value`] ?? ''
  return tags
}

function paged(input: Input, member: string, all: readonly Json[]): Answer {
  const from = Number(input['Marker'] ?? 0)
  const to = from + Number(input['MaxItems'] ?? 100)
  const isMore = to < all.length
  return {
    [member]: all.slice(from, to),
    IsTruncated: isMore,
    ...(isMore && { Marker: String(to) }),
  }
}

function parse(text: string, isTrust = false) {
  try {
    return readPolicy(text, isTrust)
  } catch {
    throw new Refusal('MalformedPolicyDocument')
  }
}

const audienceOf = ({ aud }: Claims) => (Array.isArray(aud) ? String(aud[0]) : aud)
export const isPast = (state: State, seconds: number) => seconds <= toSeconds(state.clock.now())
