/**
 * Whether what a file says fits together: each placeholder is known where it stands, and what is promised
 * can be done. Pure.
 */
import type { Json } from '../../src/core/base/json.ts'
import { placeholdersIn } from './fill.ts'
import type { Call, SystemFile } from './shape.ts'

/** `path` leads to the member of the file. */
export interface Wrong {
  readonly path: readonly (string | number)[]
  readonly says: string
}

const one = 'principal id'
const term = 'endsAt endsAtSeconds ttlSeconds'
/** What is known when a call is made. Of `list`, `hold` and `release` no resource is. */
const known: Readonly<Record<string, string>> = {
  issue: `principal rights lifeSeconds ${term} object`,
  renew: `${one} ${term} object`,
  end: `${one} secret object`,
  find: `${one} object`,
  check: 'secret object',
  sessions: `${one} object`,
  hold: one,
  release: one,
  list: '',
}

export function whatIsWrong(file: SystemFile): Wrong[] {
  return [
    ...Object.entries(callsOf(file)).flatMap(([name, call]) => ofCall(file, name, call)),
    ...ofHeaders(file),
    ...ofPromises(file),
  ]
}

/** By the member of the file, `end.0`. */
export function callsOf(file: SystemFile): Readonly<Record<string, Call>> {
  const { issue, list, find, check, renew, hold, release, sessions } = file
  const ends = file.end.map((call, i) => [`end.${i}`, call] as const)
  const open = sessions === 'none' ? undefined : sessions
  const named = { issue, list, find, check, renew, hold, release, sessions: open }
  const all = [...Object.entries(named), ...ends]
  return Object.fromEntries(all.flatMap(([name, call]) => (call ? [[name, call]] : [])))
}

/** All names in it. */
export function namesIn({ path, query = {}, body = null, form = {} }: Call): string[] {
  return placeholdersIn([path, query, body, form]) ?? []
}

function ofCall(file: SystemFile, name: string, call: Call): Wrong[] {
  const path = name.split('.').map(part => (/^\d$/.test(part) ? Number(part) : part))
  const [kind = ''] = name.split('.')
  const { path: at, query = {}, body, form = {}, method } = call
  const wrong: Wrong[] = []
  for (const [member, value] of Object.entries({ path: at, query, body: body ?? null, form }))
    for (const says of ofPlace(file, { kind, member }, value))
      wrong.push({ path: [...path, member], says })
  if (body !== undefined && call.form !== undefined)
    wrong.push({ path: [...path, 'form'], says: 'stands instead of `body`' })
  if (method === 'GET' && (body ?? call.form) !== undefined)
    wrong.push({ path: [...path, 'body'], says: 'is not sent with GET' })
  if (call.as === 'lease' && !['check', 'end'].includes(kind))
    wrong.push({ path: [...path, 'as'], says: 'is `admin` here' })
  return wrong
}

function ofPlace(
  file: SystemFile,
  { kind, member }: { kind: string; member: string },
  value: Json,
): string[] {
  const names = placeholdersIn(value)
  if (names === undefined) return ['has braces that are no placeholder']
  const isPublic = member === 'path' || member === 'query'
  return names.flatMap(name => {
    const [of = '', part] = name.split('.')
    // INVARIANT: no secret in an address.
    if (of === 'secret' && isPublic) return ['would hold a secret: send it in `sent` or a body']
    if (of === 'rights' && member !== 'body') return ['can not hold `{rights}`, which is a list']
    const isKnown = of === 'setting' || (known[kind] ?? '').split(' ').includes(of)
    return isKnown && isDeclared(file, of, part) ? [] : [`does not know \`{${name}}\``]
  })
}

function isDeclared(file: SystemFile, of: string, part: string | undefined): boolean {
  const { settings = {}, object = {}, issue } = file
  if (of === 'setting') return part !== undefined && Object.hasOwn(settings, part)
  if (of === 'object') return part !== undefined && Object.hasOwn(object, part)
  if (of !== 'secret') return part === undefined
  const { parts } = issue.answer
  return parts === undefined ? part === undefined : part !== undefined && Object.hasOwn(parts, part)
}

function ofHeaders({ headers = {}, admin, sent = {}, ...file }: SystemFile): Wrong[] {
  const wrong = Object.entries(headers).flatMap(([name, value]) =>
    /[{}]/.test(value) ? [{ path: ['headers', name], says: 'takes no placeholder' }] : [],
  )
  const ofAdmin = placeholdersIn(admin)
  if (ofAdmin === undefined || !ofAdmin.includes('credential') || ofAdmin.length > 1)
    wrong.push({ path: ['admin'], says: 'holds `{credential}` once, and nothing else' })
  const ofSent = placeholdersIn(sent)
  const whole = { ...file, headers, admin, sent }
  const isFit = (name: string) => {
    const [of = '', part] = name.split('.')
    return of === 'secret' && isDeclared(whole, of, part)
  }
  if (ofSent === undefined || !ofSent.every(isFit))
    wrong.push({ path: ['sent'], says: 'holds `{secret}` or its parts, and nothing else' })
  return wrong
}

function ofPromises(file: SystemFile): Wrong[] {
  const { rights, gives, issue, find, check, end, renew, hold, release, gateway, sent } = file
  const { secret, parts, shown = [], id, endsAt, endsIn } = issue.answer
  const isByName = isNamed(file)
  const names = (call: Call | undefined) => (call === undefined ? [] : namesIn(call))
  const canFindId = isByName || parts?.['id'] !== undefined
  const needsSent = [check, ...end].some(call => call !== undefined && isAsLease(call, check))
  const asks = (...of: string[]) => of.some(name => names(issue).includes(name))
  const said: readonly (readonly [boolean, string, string])[] = [
    [(rights === undefined) === (gives === undefined), 'rights', 'or `gives` says what it may do'],
    [rights !== undefined && !asks('rights'), 'issue', 'does not use `{rights}`'],
    [(secret === undefined) === (parts === undefined), 'issue', 'has `secret` or `parts`'],
    [shown.some(name => parts?.[name] === undefined), 'issue', 'shows a part that it has not'],
    [endsAt !== undefined && endsIn !== undefined, 'issue', 'has `endsAt` or `endsIn`'],
    [asks('lifeSeconds') && !file.limits?.lifeSeconds, 'limits', 'says no `lifeSeconds`'],
    [needsSent && sent === undefined, 'sent', 'is needed by a call as `lease`'],
    [check !== undefined && !isWithSecret(check), 'check', 'is made without the credential'],
    [(hold === undefined) !== (release === undefined), 'hold', 'and `release` come together'],
    [names(hold).includes('id') && !isByName, 'hold', 'finds no `{id}` by name: see `list`'],
    [names(release).includes('id') && !isByName, 'release', 'finds no `{id}` by name: see `list`'],
    [names(renew).includes('id') && !canFindId, 'renew', 'finds no `{id}`'],
    [end.some(call => names(call).includes('id')) && !canFindId, 'end', 'finds no `{id}`'],
    [names(find).includes('id') && (parts?.['id'] ?? id) === undefined, 'find', 'finds no `{id}`'],
    [gateway !== undefined && sent === undefined, 'sent', 'is needed by `gateway`'],
  ]
  return said.flatMap(([isWrong, path, says]) => (isWrong ? [{ path: [path], says }] : []))
}

/** What is issued carries a name of ours there, by which it is found again. */
export function isNamed({ issue, list, find }: SystemFile): boolean {
  if (!namesIn(issue).includes('principal')) return false
  if (list?.item.name !== undefined) return true
  return find?.id !== undefined && namesIn(find).includes('principal')
}

/** A check is made with the credential, unless the file says that we ask about it. */
export function isAsLease(call: Call, check: Call | undefined): boolean {
  return call.as === undefined ? call === check : call.as === 'lease'
}

function isWithSecret(check: Call): boolean {
  return isAsLease(check, check) || namesIn(check).some(name => name.startsWith('secret'))
}
