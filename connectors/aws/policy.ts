/**
 * The policies of AWS that we write, as values: what a holder may do, who may be it, what one session of
 * it may do and until when, and which sessions are over. Pure.
 *
 * INVARIANT: actions come from services.json alone, and nothing is put into a text: JSON is made of values.
 */
import {
  canonicalJson,
  isObject,
  type Json,
  type JsonObject,
  parseJson,
} from '../../src/core/base/json.ts'
import type { DataAction } from '../../src/core/base/permit.ts'
import { isProblem, Problem } from '../../src/core/base/problem.ts'
import { fromMs, type Instant, parseInstant } from '../../src/core/base/time.ts'
import type { HolderOrder } from '../../src/core/target/target.ts'
import { type AwsConfig, accountOf, isRole, page, parseObject } from './config.ts'
import services from './services.json' with { type: 'json' }

/** AWS's own bound of a session's policy. */
const most = { sessionChars: 2_048 }
/** The least that a role can bound its sessions to: none of ours is longer. */
export const lifeSeconds = 3_600
/** Less than that, whenever before its deadline a session was made. */
export const marginSeconds = 60
export const audience = 'sts.amazonaws.com'
/** How an end is proven. */
export const paths = ['the policies of the role', 'the session itself, at IAM'] as const
/** What the holder of a session may ask about itself, and nothing else of IAM. It tells our tags. */
export const harmless = 'iam:ListRoleTags'

export interface Rights {
  readonly actions: readonly string[]
  readonly resources: readonly string[]
}

/** Throws `Problem` `invalid-field` for what the service has no right for. Rights are never rounded up. */
export function rightsOf({
  object,
  actions,
  columns,
}: Omit<HolderOrder, 'holder' | 'owner'>): Rights {
  const { service, resources } = parseObject(object)
  const known: Partial<Record<DataAction, readonly string[]>> = services[service]
  if (columns.length > 0) throw noRight('columns', 'AWS gives a resource whole, not columns of it.')
  const all = actions.flatMap(action => {
    const given = known[action]
    if (given) return given
    throw noRight('actions', `\`${service}\` has no right for \`${action}\`.`)
  })
  const rights = { actions: [...new Set(all)].map(each => `${service}:${each}`).sort(), resources }
  // A session's own policy is the smallest place they must fit in.
  const longest = `arn:aws-us-gov:iam::${'0'.repeat(12)}:role/${'x'.repeat(150)}`
  sessionPolicy(rights, longest, { deadline: fromMs(0), diesAt: fromMs(0) })
  return rights
}

/** What the holder may do: what was agreed, and the harmless question about itself. */
export function holderPolicy(rights: Rights, arn: string): Json {
  return policyOf(allows(rights, arn))
}

/** The same once more, where a holder that was changed by others gives nothing, and the fences in time. */
export function sessionPolicy(
  rights: Rights,
  arn: string,
  { deadline, diesAt }: { readonly deadline?: Instant; readonly diesAt?: Instant } = {},
): string {
  const fence = (key: string, at: Instant | undefined) =>
    at === undefined ? [] : [deny({ DateGreaterThan: { [key]: wholeSeconds(at) } })]
  // INVARIANT: by AWS's own clock, one that was made late opens nothing, and none opens anything later.
  const fences = [...fence('aws:TokenIssueTime', deadline), ...fence('aws:CurrentTime', diesAt)]
  const text = JSON.stringify(policyOf([...allows(rights, arn), ...fences]))
  if (text.length <= most.sessionChars) return text
  throw noRight('object', 'These are more resources than a session of AWS can be told.')
}

/** Who may be the holder: we alone, asking for exactly this one. */
export function trustPolicy(config: AwsConfig, holder: string, issuer = ''): Json {
  const { partition, account } = accountOf(config)
  const statement = (Principal: Json, kind: string, StringEquals: Json) => ({
    Effect: 'Allow',
    Principal,
    Action: `sts:AssumeRole${kind}`,
    Condition: { StringEquals },
  })
  const host = issuer.replace(/^https?:\/\//, '').replace(/\/$/, '')
  const provider = `arn:${partition}:iam::${account}:oidc-provider/${host}`
  const claims = { [`${host}:aud`]: audience, [`${host}:sub`]: holder }
  return policyOf([
    isRole(config.admin)
      ? statement({ Federated: provider }, 'WithWebIdentity', claims)
      : statement({ AWS: config.admin }, '', { 'sts:ExternalId': holder }),
  ])
}

/** Nothing any more for sessions of these names. A name is never used twice. */
export function endedPolicy(roleId: string, principals: readonly string[]): Json {
  const users = principals.map(each => `${roleId}:${each}`).sort()
  return policyOf([deny({ StringEquals: { 'aws:userid': users } })])
}

/** Whose sessions a policy of ours ends; undefined where it is not exactly as we wrote it. */
export function endedIn(roleId: string, document: Json): string[] | undefined {
  const users = conditionOf(document, 'StringEquals', 'aws:userid')
  if (!Array.isArray(users)) return undefined
  const names = users.map(each => String(each).slice(roleId.length + 1))
  return isSame(endedPolicy(roleId, names), document) ? names : undefined
}

/** Nothing any more for any session that was made before. Always of one length. */
export function beforePolicy(instant: Instant): Json {
  return policyOf([deny({ DateLessThan: { 'aws:TokenIssueTime': wholeSeconds(instant) } })])
}

export function beforeIn(document: Json): Instant | undefined {
  const text = conditionOf(document, 'DateLessThan', 'aws:TokenIssueTime')
  const instant = typeof text === 'string' ? parseInstant(text) : null
  return instant !== null && isSame(beforePolicy(instant), document) ? instant : undefined
}

/** As IAM hands policies out (RFC 3986). Null where it is none. */
export function parsePolicy(encoded: string | undefined): Json {
  try {
    return parseJson(decodeURIComponent(encoded ?? 'null'))
  } catch (thrown) {
    if (thrown instanceof URIError || isProblem(thrown)) return null
    throw thrown
  }
}

export function isSame(one: Json, other: Json): boolean {
  return canonicalJson(one) === canonicalJson(other)
}

function allows({ actions, resources }: Rights, arn: string): JsonObject[] {
  const allow = (Action: Json, Resource: Json) => ({ Effect: 'Allow', Action, Resource })
  const asked = actions.length > 0 ? [allow(actions, resources)] : []
  return [...asked, allow(harmless, arn)]
}

const deny = (Condition: Json) => ({ Effect: 'Deny', Action: '*', Resource: '*', Condition })
const policyOf = (Statement: readonly JsonObject[]): JsonObject => ({
  Version: '2012-10-17',
  Statement,
})

/** AWS writes instants without fractions. */
const wholeSeconds = (instant: Instant) => `${instant.slice(0, 19)}Z`

/** Of the only statement: what the operator compares the key with. */
function conditionOf(document: Json, operator: string, key: string): Json | undefined {
  const statements = isObject(document) ? document['Statement'] : undefined
  const one: Json = Array.isArray(statements) ? (statements[0] as Json) : null
  const condition = isObject(one) && isObject(one['Condition']) ? one['Condition'][operator] : null
  return isObject(condition) ? condition[key] : undefined
}

function noRight(field: string, detail: string): Problem {
  return new Problem('invalid-field', { field, detail, next: `What there is: ${page}` })
}
