/**
 * One thing that was found, in the same words for every system: what it is, where, since when, used
 * when, and when it ends. Pure.
 *
 * INVARIANT: every text in it is safe to show. ATTACKER: whoever names a key, an app or a job chooses
 * the letters; and some people put a secret into a name.
 */
import type { Json } from '../../src/core/base/json.ts'
import { safeText } from '../../src/core/base/text.ts'
import { type Instant, parseInstant } from '../../src/core/base/time.ts'
import type { Found } from '../../src/core/target/target.ts'

export interface Thing {
  readonly system: string
  readonly kind: string
  readonly id: string
  readonly name: string
  /** Of the repository, environment or organisation it lies in. */
  readonly where: string
  readonly madeAt: Instant | null
  readonly lastUsedAt: Instant | null
  /** False: the system does not tell when it was used. */
  readonly isUseTold: boolean
  readonly endsAt: Instant | null
  /** Null: the system does not say. */
  readonly neverEnds: boolean | null
  readonly creator: string | null
  /** What that creator did, and how far that makes them its owner: 0 to 1. */
  readonly creatorDid: string
  readonly creatorWeight: number
  /** A person's own account, or rights nobody signs in with: told, and not counted. */
  readonly group: 'access' | 'person' | 'rights'
  /** Made by Leasehold. */
  readonly ours: boolean
  readonly notes: readonly string[]
  /** What CI keeps, and how to end it: a name of recipes.ts. */
  readonly recipe?: string
  readonly path?: string
  /** Of that file, for people. */
  readonly url?: string
  readonly line?: number
  readonly changedBy?: { readonly who: string; readonly at: Instant | null }
}

const most = { trusts: 20 }

interface Kind {
  readonly word: string
  readonly neverEnds: boolean | null
  readonly isUseTold: boolean
  readonly group: Thing['group']
  readonly did: string
  readonly weight: number
}

// What it is | its end: never, told, unsaid | its use: told, untold | what its creator did | weight
const table = `
github account | person | unsaid | untold | has it | 0
github app | App | never | untold | made it | 0.6
github token | personal token | told | told | it is their token | 0.9
github key | deploy key | never | told | added it | 0.6
github secret | Actions secret | never | untold | made it | 0.6
github variable | variable named like a key | never | untold | made it | 0.6
github hook | webhook | never | untold | made it | 0.6
github runner | self-hosted runner | never | untold | made it | 0.6
slack account | bot | never | untold | made it | 0.6
slack app | app | never | untold | added it | 0.6
slack hook | incoming webhook | never | untold | added it | 0.6
notion account | bot | unsaid | untold | it is theirs | 0.6
notion token | personal token | unsaid | untold | it is theirs | 0.9
snowflake account | user | unsaid | told | role that owns it | 0.3
snowflake role | role | unsaid | untold | role that owns it | 0.3
snowflake token | access token | told | told | made it | 0.6
snowflake key | key pair | never | untold | made it | 0.6
snowflake trust | workload identity | unsaid | told | made it | 0.6
postgres account | login role | told | untold | made it | 0.6
postgres role | role | unsaid | untold | made it | 0.6
mysql account | account | never | untold | made it | 0.6
mysql role | role | unsaid | untold | made it | 0.6
redis account | user | never | untold | made it | 0.6
aws account | user | never | told | has it | 0
aws key | access key | never | told | it is the key of that user | 0.3
aws role | role | never | told | made it | 0.6
aws trust | outside issuer | never | untold | made it | 0.6
gcp account | service account | never | told | made it | 0.6
gcp key | service account key | told | untold | made it | 0.6
gcp trust | outside issuer | never | untold | made it | 0.6
gcp role | role | unsaid | untold | made it | 0.6
azure app | application | never | untold | owns it | 0.6
azure secret | client secret | told | untold | owns its application | 0.6
azure key | certificate | told | untold | owns its application | 0.6
azure trust | trusted issuer | never | untold | owns its application | 0.6
azure account | service principal | never | untold | made it | 0.6
azure role | role | never | untold | made it | 0.6
`
const kinds = new Map(
  table
    .trim()
    .split('\n')
    .map(line => {
      const [of = '', word = '', end, use, did = '', weight] = line.split(' | ')
      const group =
        word === 'person' ? 'person' : /^(role|application)$/.test(word) ? 'rights' : 'access'
      const neverEnds = end === 'never' ? true : end === 'told' ? false : null
      const kind: Kind = {
        word,
        neverEnds,
        isUseTold: use === 'told',
        group,
        did,
        weight: Number(weight),
      }
      return [of, kind]
    }),
)

/** Undefined: it opens nothing (a variable with a harmless name). `system` is `github:acme`. */
export function thingOf(system: string, found: Found): Thing | undefined {
  const { details, ours } = found
  const of = listOf(details['of'])
  const connector = system.split(':')[0] ?? ''
  const isOurs = ['principal', 'holder', 'owner', 'session', 'object'].includes(found.kind)
  const kind = kinds.get(`${connector} ${isOurs ? 'account' : found.kind}`)
  if (kind === undefined) return undefined
  if (found.kind === 'variable' && !isLikeKey(found.name)) return undefined
  const endsAt = found.endsAt ?? parseInstant(textOf(details['validUntil']))
  const about = { ...wordOf(kind, found, of), ...ofCloud(found) }
  const told = tellerOf(connector, found)
  // GitHub calls every webhook `web`; its address is not for a report.
  const isNameless = found.kind === 'hook' && found.name === 'web'
  return {
    system: shown(system),
    id: told(found.id, 400),
    name: told(isNameless ? `web ${found.id.split(' ').at(-1)}` : found.name),
    where: shown(
      of.join(' · ') || textOf(details['account'] ?? details['app'] ?? details['project']),
    ),
    madeAt: found.madeAt,
    lastUsedAt: found.lastUsedAt,
    isUseTold: kind.isUseTold,
    endsAt,
    neverEnds: kind.neverEnds === false || endsAt !== null ? endsAt === null : kind.neverEnds,
    creator: found.creator === undefined ? null : shown(found.creator),
    creatorDid: kind.did,
    creatorWeight: kind.weight,
    group: kind.group,
    ours,
    notes: notesOf(found),
    ...about,
  }
}

/** What is not as its row in the table has it. */
function wordOf(
  { word, group }: Kind,
  { kind, name, details }: Found,
  of: readonly string[],
): Pick<Thing, 'kind'> & Partial<Thing> {
  if (group === 'person') {
    const role = shown(textOf(details['role']) || word)
    if (!isLikeMachine(name)) return { kind: role }
    return { kind: `${role} named like a machine`, group: 'access', neverEnds: true }
  }
  if (details['type'] === 'PERSON') return { kind: word, group: 'person' }
  // Of the organisation, not of a repository.
  const isOfPerson = kind === 'key' && of.length === 1 && !of[0]?.includes('/')
  return isOfPerson
    ? { kind: 'SSH key of a person', creatorDid: 'it is their key' }
    : { kind: word }
}

/** Of a cloud: what nobody signs in with, who else may, and where a use would not have been shown. */
function ofCloud(found: Found): Partial<Thing> {
  const { devices, hasPassword, isUseShown, isForeign, type } = found.details
  const isUntold = isUseShown === false || (devices !== undefined && hasPassword !== true)
  const untold = isUntold ? { isUseTold: false } : {}
  // Its keys, or those of its application, are what signs in, and are told each for itself.
  const isOfKeys = devices !== undefined && hasPassword === false
  if (isOfKeys || (isForeign === false && type === 'Application'))
    return { ...untold, group: 'rights' }
  if (othersIn(found).length > 0)
    return { ...untold, group: 'access', kind: 'role that others have' }
  return untold
}

/** Whom a role lets in from elsewhere: other accounts, other projects, everybody. */
function othersIn({ kind, id, name, details }: Found): string[] {
  if (kind !== 'role') return []
  const own = textOf(details['project']) || (id.split(':')[4] ?? '')
  const trusts = listOf(details['trusts'])
  // The connector tells so many at most. Who they are is unknown, so it is not called harmless.
  if (trusts.length >= most.trusts) return [`${most.trusts} or more`]
  const others = [name, ...trusts].map(each => {
    // `null`: its policy says only who may not.
    if (/^(\*|null|all(Authenticated)?Users)$/.test(each)) return 'everybody its conditions let in'
    const amazon = /^(?:arn:[\w-]+:(?:iam|sts)::)?(\d{12})(?:$|:)/.exec(each)
    // What Google's own services have is `service-` and a number.
    const google = /^serviceAccount:(?!service-\d)[^@]+@([\w-]+)\.iam\.gserv/.exec(each)
    return (amazon ?? google)?.[1] ?? ''
  })
  return [...new Set(others)].filter(each => each !== '' && each !== own)
}

/** What makes it worse, or ends it sooner, in a few words each. */
function notesOf(found: Found): string[] {
  const { details, kind } = found
  const of = (member: string) => details[member]
  const writes = Object.entries(of('permissions') ?? {})
    .filter(([, level]) => level === 'write' || level === 'admin')
    .map(([name]) => name)
  return [
    ...(kind === 'key' && of('read_only') === false ? ['may write'] : []),
    ...(writes.length > 0 ? [`may write: ${writes.slice(0, 4).join(', ')}`] : []),
    ...(of('repository_selection') === 'all' ? ['all repositories'] : []),
    ...(kind === 'secret' && of('visibility') === 'all' ? ['every repository may use it'] : []),
    ...(of('mayEverything') === true ? ['may do everything'] : []),
    ...(of('canSignIn') === false && kind === 'account' ? ['can not sign in now'] : []),
    ...(of('isDisabled') === true ? ['can not sign in now'] : []),
    ...(of('suspended_at') ? ['suspended'] : []),
    ...(of('asksPassword') === false ? ['asks no password'] : []),
    ...(of('hasPassword') === true && of('type') !== 'PERSON' ? ['has a password'] : []),
    ...(of('ephemeral') === true ? ['ends with its job'] : []),
    ...(of('status') === 'Inactive' ? ['can not sign in now'] : []),
    ...(of('devices') === 0 && of('hasPassword') === true ? ['asks for no second factor'] : []),
    ...(of('isEnabled') === false ? ['can not sign in now'] : []),
    ...(of('isForeign') === true ? ['of another tenant'] : []),
    ...othersIn(found).map(each => `lets in ${each}`),
  ].map(each => shown(each))
}

/** Named as people name what must not be seen. */
export function isLikeKey(name: string): boolean {
  return /secret|token|passw|pwd|api_?key|private_?key|access_?key|credential|\bauth\b/i.test(name)
}

/** An account of a person that no person signs in with: a guess by its name, and told as one. */
function isLikeMachine(name: string): boolean {
  return /(^|[-_])(bot|ci|svc|service|deploy|deployer|automation|robot|jenkins)($|[-_])/i.test(name)
}

// Forms of vendors' keys, and addresses with a password.
const forms = [
  String.raw`\bgh[oprsu]_\w{12,}|\bgithub_pat_\w{12,}|\bglpat-[\w-]{12,}|\bnpm_\w{20,}`,
  String.raw`\bxox[a-z][-.][\w.-]{8,}|\bxapp-[\w-]{8,}|\bntn_\w{12,}|\bsecret_\w{16,}`,
  String.raw`\b(?:AKIA|ASIA)[A-Z0-9]{12,}|\bAIza[\w-]{20,}|\bsk-[\w-]{16,}|\bhvs\.[\w-]{12,}`,
  String.raw`\beyJ[\w-]{8,}\.[\w-]{8,}[\w.-]*|-----BEGIN.*|(?<=:\/\/)[^\s/@]+:[^\s/@]+(?=@)`,
  String.raw`https:\/\/hooks\.\S+`,
].join('|')
// Long runs that are no word.
const runs = String.raw`\b[0-9a-f]{40,}\b|(?<!SHA256:)\b(?=\w*\d)(?=\w*[a-z])(?=\w*[A-Z])\w{32,}`
const [known, secrets] = [new RegExp(forms, 'g'), new RegExp(`${forms}|${runs}`, 'g')]

/** Any text from outside, as a report may hold it. */
export function shown(text: string, maxChars?: number): string {
  return mask(text, secrets, maxChars)
}

function mask(text: string, what: RegExp, maxChars = 160): string {
  return safeText(text.slice(0, 4_000).replace(what, '‹looks like a secret›'), maxChars)
}

/** Ids of keys open nothing, have the form of what does, and are what a person has to look for. */
function tellerOf(connector: string, { id }: Found): typeof shown {
  const isKeyId = connector === 'aws' && /^key [A-Z0-9]{16,128}$/.test(id)
  if (isKeyId || (connector === 'gcp' && /^key [\w.@-]+ [0-9a-f]{40}$/.test(id)))
    return text => text
  // AWS itself makes names of roles that are long and no word.
  return connector === 'aws' ? (text, maxChars) => mask(text, known, maxChars) : shown
}

function listOf(value: Json | undefined): string[] {
  return Array.isArray(value) ? value.map((each: Json) => textOf(each)) : []
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : ''
}
