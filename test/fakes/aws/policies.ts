/**
 * Policies of AWS as far as a pretend account needs them, by AWS's rules: what denies comes first, what
 * nothing allows is denied. What it does not know it refuses to judge.
 */
export interface Statement {
  readonly Sid?: string
  readonly Effect: 'Allow' | 'Deny'
  readonly Principal?: Readonly<Record<string, string>>
  readonly Action: string | readonly string[]
  readonly Resource?: string | readonly string[]
  readonly Condition?: Readonly<
    Record<string, Readonly<Record<string, string | readonly string[]>>>
  >
}
export interface Policy {
  readonly Version: string
  readonly Statement: Statement | readonly Statement[]
}
export type Context = Readonly<Record<string, string | undefined>>

interface Asked {
  readonly action: string
  readonly resource: string
  readonly context: Context
}

export function decide(policies: readonly Policy[], asked: Asked): 'allowed' | 'denied' | 'silent' {
  const fitting = policies.flatMap(statementsOf).filter(each => fits(each, asked))
  if (fitting.some(({ Effect }) => Effect === 'Deny')) return 'denied'
  return fitting.length > 0 ? 'allowed' : 'silent'
}

/** Who is let in to be a role. */
export function trusts(
  trust: Policy,
  principal: string,
  action: string,
  context: Context,
): boolean {
  return statementsOf(trust).some(
    each =>
      each.Effect === 'Allow' &&
      Object.values(each.Principal ?? {}).includes(principal) &&
      listOf(each.Action).includes(action) &&
      holds(each, context),
  )
}

/** Throws where AWS would call it malformed, or we do not know it. */
export function readPolicy(text: string, isTrust = false): Policy {
  const policy = JSON.parse(text) as Policy
  const isKnown = statementsOf(policy).every(one => {
    const keys = Object.keys(one).every(key =>
      /^(Sid|Effect|Principal|Action|Resource|Condition)$/.test(key),
    )
    const resources = listOf(one.Resource ?? [])
    const isWhole = isTrust ? one.Principal !== undefined : resources.length > 0
    const areArns = resources.every(
      each => each === '*' || /^arn:[^:]+:[^:]+:[^:]*:[^:]*:./.test(each),
    )
    return keys && isWhole && areArns && /^(Allow|Deny)$/.test(one.Effect)
  })
  if (policy.Version !== '2012-10-17' || !isKnown) throw new Error('malformed')
  for (const one of statementsOf(policy)) holds(one, {})
  return policy
}

export const statementsOf = ({ Statement }: Policy) => [Statement].flat() as readonly Statement[]

function fits(one: Statement, { action, resource, context }: Asked): boolean {
  const isAction = listOf(one.Action).some(each => isLike(each.toLowerCase(), action.toLowerCase()))
  const isResource = listOf(one.Resource ?? []).some(each => isLike(each, resource))
  return isAction && isResource && holds(one, context)
}

function holds({ Condition = {} }: Statement, context: Context): boolean {
  return Object.entries(Condition).every(([operator, keys]) => {
    const is = operators[operator]
    if (is === undefined) throw new Error(`no operator ${operator}`)
    return Object.entries(keys).every(([key, wanted]) => {
      const has = context[key]
      return has !== undefined && listOf(wanted).some(each => is(has, each))
    })
  })
}

const operators: Readonly<Record<string, (has: string, wanted: string) => boolean>> = {
  StringEquals: (has, wanted) => has === wanted,
  StringLike: (has, wanted) => isLike(wanted, has),
  ArnLike: (has, wanted) => isLike(wanted, has),
  DateGreaterThan: (has, wanted) => dateOf(has) > dateOf(wanted),
  DateLessThan: (has, wanted) => dateOf(has) < dateOf(wanted),
}

/** ATTACKER of ourselves: a date that is none would make a fence that never holds. */
function dateOf(text: string): number {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z$/.test(text)) throw new Error(`no date ${text}`)
  return Date.parse(text)
}

function isLike(pattern: string, text: string): boolean {
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&')
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`, 's').test(text)
}

const listOf = (value: string | readonly string[]) => [value].flat() as readonly string[]
