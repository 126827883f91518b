/**
 * A declared system, opened: its calls are made as its file says, and answers are read where it says.
 * INVARIANT: our credential is sent to the address that was connected and nowhere else, and what is
 * thrown holds neither it nor a word of an answer.
 */
import { isObject, type Json, parseJson } from '../../src/core/base/json.ts'
import { isProblem } from '../../src/core/base/problem.ts'
import { type Clock, fromMs, type Instant, parseInstant } from '../../src/core/base/time.ts'
import { type RestAnswer, refusalsOf, restClient } from '../rest/client.ts'
import { type Said, wordsOf } from '../rest/cloud.ts'
import { type DeclaredConfig, prefixed, settingValues } from './config.ts'
import { fillBody, fillHeader, fillPath, fillQuery, fillTexts, type Values } from './fill.ts'
import { isAsLease } from './sense.ts'
import type { Call, Outcome } from './shape.ts'

export type System = ReturnType<typeof openSystem>

interface Asking {
  readonly values?: Values
  readonly takes?: readonly number[]
  /** Beside what the file declares: where the next page stands. */
  readonly query?: Readonly<Record<string, string>>
  /** Instead: path and query that the system itself named. */
  readonly link?: string | undefined
}

export function openSystem(config: DeclaredConfig, clock: Pick<Clock, 'now'>) {
  const { file } = config
  const base = new URL(config.url)
  const name = file.system
  const client = restClient(name, base)
  const words = wordsOf(name)
  const refused = (detail: string, next = page) => refusalsOf(name)(detail, next)
  const settings = settingValues(config)
  const admin = { credential: config.credential }

  async function ask(call: Call, asking: Asking, signal: AbortSignal): Promise<RestAnswer> {
    const { takes, link, query = {} } = asking
    const values = { ...asking.values, ...settings }
    const { method, body, form } = call
    const as = isAsLease(call, file.check)
      ? headersOf(file.sent, values)
      : headersOf(file.admin, admin)
    const at = fillPath(call.path, values)
    const path = link ?? at + fillQuery({ ...call.query, ...query }, values)
    // ATTACKER: a link that has us ask for something else, with our credential.
    if (path.split('?', 1)[0] !== at) throw refused(`${name} names a next page of another list.`)
    const request = {
      method,
      path,
      headers: { ...file.headers, ...as },
      ...(body !== undefined && { body: fillBody(body, values) }),
      ...(form !== undefined && { form: fillTexts(form, values) }),
      ...(takes && { takes }),
    }
    return client(request, signal).catch((thrown: unknown) => {
      throw isProblem(thrown, 'target-refused') ? refused(thrown.detail) : thrown
    })
  }

  /** Never rejects: tries it on the call that is declared for that. */
  async function tryCredential(secret: string, object: Values, signal: AbortSignal): Promise<Said> {
    const { check } = file
    if (check === undefined) return unclear('Its file declares no call that tries a credential.')
    try {
      const values = { ...object, ...valuesOfSecret(secret) }
      const answer = await ask(check, { values, takes: noTrouble }, signal)
      // What both would fit is said by neither.
      const [isIn, isOut] = [matches(check.accepted, answer), matches(check.refused, answer)]
      if (isIn === isOut) return unclear(`${name} answered ${answer.status}.`)
      return { says: isIn ? 'accepted' : 'refused', because: `${name} answered ${answer.status}.` }
    } catch (thrown) {
      return unclear(words.explain(thrown))
    }
  }

  return { config, file, clock, base, name, ask, tryCredential, ...words, refused }
}

const page =
  'Compare the file of this system, and what we may do there, with docs/connectors/declared.md.'
const unclear = (because: string): Said => ({ says: 'unclear', because })
/** What is too much is asked again; the rest is for the file to say. */
const noTrouble = Array.from({ length: 100 }, (_, i) => 400 + i).filter(status => status !== 429)

function headersOf(templates: Readonly<Record<string, string>> = {}, values: Values) {
  return Object.fromEntries(
    Object.entries(templates).map(([name, template]) => [name, fillHeader(template, values)]),
  )
}

/** Of a credential, whole or of several parts, as it is kept. */
export function valuesOfSecret(secret: string): Values {
  const parts = partsOf(secret)
  return parts === undefined ? { secret } : prefixed('secret', parts)
}

export function partsOf(secret: string | null): Readonly<Record<string, Json>> | undefined {
  if (secret === null || !secret.startsWith('{')) return undefined
  const parts = parseJson(secret)
  return isObject(parts) ? parts : undefined
}

/** Of a credential of several parts: what it is found by there. */
export function idIn(secret: string | null): string | undefined {
  const id = partsOf(secret)?.['id']
  return typeof id === 'string' ? id : undefined
}

export function matches({ status, at, is }: Outcome, answer: RestAnswer): boolean {
  if (!status.includes(answer.status)) return false
  if (at === undefined || is === undefined) return true
  return is.some(each => each === valueAt(answer.body, at))
}

/** RFC 6901; undefined where nothing stands there. */
export function valueAt(body: Json, pointer: string): Json | undefined {
  let at: Json | undefined = body
  for (const token of pointer.split('/').slice(1)) {
    if (typeof at !== 'object' || at === null) return undefined
    const key = token.replaceAll('~1', '/').replaceAll('~0', '~')
    if (Array.isArray(at))
      at = /^(0|[1-9]\d{0,5})$/.test(key) ? (at[Number(key)] as Json) : undefined
    else at = Object.hasOwn(at, key) ? (at as Readonly<Record<string, Json>>)[key] : undefined
  }
  return at
}

/** RFC 3339, or seconds (later ones: milliseconds) since 1970; null for all else. */
export function instantOf(value: Json | undefined): Instant | null {
  if (typeof value === 'string') return parseInstant(value)
  if (typeof value !== 'number' || value <= 0 || value > 1e14) return null
  return fromMs(Math.floor(value > 1e11 ? value : value * 1000))
}
