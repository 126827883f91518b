/**
 * Statements at one Snowflake account, through its SQL API: signed for with our key pair, or with a
 * token to see whether it is taken. Bounded in time, answers and parts; waits for what goes on there.
 */
import { createPrivateKey, createPublicKey, randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { SignJWT } from 'jose'
import { z } from 'zod'
import { sha256 } from '../../src/core/base/hash.ts'
import { isObject, type Json } from '../../src/core/base/json.ts'
import { isProblem, Problem } from '../../src/core/base/problem.ts'
import { product } from '../../src/core/base/product.ts'
import * as time from '../../src/core/base/time.ts'
import { type Fetch, type RestAnswer, restClient } from '../rest/client.ts'
import { type Said, wordsOf } from '../rest/cloud.ts'
import type { SnowflakeConfig } from './config.ts'
import { quote } from './names.ts'

const bounds = {
  /** Our word; Snowflake takes an hour at most. */
  wordSeconds: 300,
  /** Snowflake itself stops a statement after so long. */
  statementSeconds: 30,
  pollMs: 200,
  cancelMs: 2_000,
  parts: 200,
}

/** Answers with 401 that are of the place a request comes from, and say nothing of a token. */
const ofNetwork = /^3904(20|22|32)$/
/** It took too long and was stopped; everything else is a no. */
const stopped = /^0*(604|605|630)$/

export type Row = Readonly<Record<string, string | null>>
export type Account = ReturnType<typeof openAccount>

export function openAccount(config: SnowflakeConfig, clock: Pick<time.Clock, 'now'>, via?: Fetch) {
  const { post, send, readPart } = openApi(config, clock, via)

  /** The rows it gave. Problem `target-refused` with Snowflake's number as its `log`. */
  async function run(statement: string, signal: AbortSignal, more: Running = {}): Promise<Row[]> {
    const { binds = [], seconds = bounds.statementSeconds, warehouse } = more
    const bound = binds.map((value, i) => [String(i + 1), { type: 'TEXT', value }] as const)
    const { role } = config
    const body: Json = {
      statement,
      timeout: seconds,
      role,
      parameters: { query_tag: product.name },
      ...(warehouse !== undefined && { warehouse }),
      ...(binds.length > 0 && { bindings: Object.fromEntries(bound) }),
    }
    const answer = await send(body, signal)
    const code = codeIn(answer.body)
    if (answer.status === 408 || stopped.test(code)) throw unavailable('stopped a statement')
    if (answer.status === 401) throw refused('Snowflake does not take our key.', undefined, code)
    if (answer.status === 422)
      throw refused('Snowflake refuses a statement of ours.', undefined, code)
    const first = partOf(answer)
    const { columns, count } = first
    const parts = [first]
    for (let i = 1; i < count; i++) {
      if (i === bounds.parts) throw refused('Snowflake answered more than we can take.')
      parts.push(partOf(await readPart(handleOf(answer), i, signal)))
    }
    return parts.flatMap(({ rows }) => rows).map(row => rowOf(columns, row))
  }

  /** Never rejects. Signs in with it, as `user`. */
  async function tryToken(token: string, user: string, signal: AbortSignal): Promise<Said> {
    const body = { statement: 'SELECT CURRENT_USER()', timeout: bounds.statementSeconds }
    try {
      const answer = await post(body, headersOf(token, 'PROGRAMMATIC_ACCESS_TOKEN'), signal)
      const [row] = answer.status === 200 ? partOf(answer).rows : []
      // What is waited for, or went wrong as a statement, was let in.
      const isIn = answer.status === 200 ? row?.[0] === user : answer.status !== 401
      if (isIn) return { says: 'accepted', because: '' }
      const code = codeIn(answer.body)
      if (answer.status !== 401 || !/^39\d{4}$/.test(code) || ofNetwork.test(code))
        return { says: 'unclear', because: `Snowflake answered ${answer.status} ${code}.` }
      return { says: 'refused', because: code }
    } catch (thrown) {
      return { says: 'unclear', because: explain(thrown) }
    }
  }

  return { config, clock, run, tryToken }
}

/** Requests of the SQL API, each until it is answered for good. */
function openApi(config: SnowflakeConfig, clock: Pick<time.Clock, 'now'>, via?: Fetch) {
  const ask = restClient('Snowflake', new URL(config.url), via)
  const key = createPrivateKey(config.privateKeyPem)
  const der = createPublicKey(key).export({ type: 'spki', format: 'der' })
  const subject = `${config.account}.${config.user}`

  async function asOurselves() {
    const now = time.toSeconds(clock.now())
    const word = await new SignJWT()
      .setProtectedHeader({ alg: 'RS256' })
      .setIssuer(`${subject}.SHA256:${sha256(der).toString('base64')}`)
      .setSubject(subject)
      .setIssuedAt(now)
      .setExpirationTime(now + bounds.wordSeconds)
      .sign(key)
    return headersOf(word, 'KEYPAIR_JWT')
  }

  const post = (body: Json, headers: Record<string, string>, signal: AbortSignal) => {
    const path = `/api/v2/statements?requestId=${randomUUID()}&nullable=true`
    return ask({ method: 'POST', path, headers, body, takes: [401, 408, 422] }, signal)
  }

  /** Until it is over. Whoever waits no longer has it stopped there. */
  async function settle(first: RestAnswer, signal: AbortSignal): Promise<RestAnswer> {
    if (first.status !== 202) return first
    const path = `/api/v2/statements/${handleOf(first)}`
    try {
      for (let tries = 1; ; tries++) {
        await wait(Math.min(tries, 5) * bounds.pollMs, undefined, { signal })
        const headers = await asOurselves()
        const again = await ask({ method: 'GET', path, headers, takes: [401, 422] }, signal)
        if (again.status !== 202) return again
      }
    } catch (thrown) {
      const headers = await asOurselves()
      const stop = { method: 'POST', path: `${path}/cancel`, headers, takes: [422] } as const
      await ask(stop, AbortSignal.timeout(bounds.cancelMs)).catch(() => {})
      throw isProblem(thrown) ? thrown : unavailable('did not finish in time')
    }
  }

  return {
    post,
    send: async (body: Json, signal: AbortSignal) =>
      settle(await post(body, await asOurselves(), signal), signal),
    readPart: async (handle: string, part: number, signal: AbortSignal) => {
      const path = `/api/v2/statements/${handle}?partition=${part}`
      return ask({ method: 'GET', path, headers: await asOurselves() }, signal)
    },
  }
}

interface Running {
  readonly binds?: readonly string[]
  readonly seconds?: number
  readonly warehouse?: string | undefined
}

export const tokensOf = (user: string) =>
  `SHOW USER PROGRAMMATIC ACCESS TOKENS FOR USER ${quote(user)}`

/** Of a statement: there is no such thing, or none our role may see. */
function isMissing(thrown: unknown): boolean {
  return isProblem(thrown, 'target-refused') && thrown.log === '002003'
}

/** What an account without it gives for a thing that is not there. */
export async function ifThere<T>(asked: Promise<T>, otherwise: T): Promise<T> {
  try {
    return await asked
  } catch (thrown) {
    if (isMissing(thrown)) return otherwise
    throw thrown
  }
}

export function instantOf(seconds: string | null | undefined): time.Instant | null {
  return seconds && /^\d{1,12}(\.\d+)?$/.test(seconds)
    ? time.fromMs(Math.floor(Number(seconds) * 1000))
    : null
}

export const { explain, unavailable } = wordsOf('Snowflake')

/** `code` is Snowflake's number. Its words are not told: they hold statements. */
export function refused(detail: string, next?: string, code?: string): Problem {
  const says = code ? ` (Snowflake says ${code})` : ''
  const step = next ?? `Compare with docs/connectors/snowflake.md${says}.`
  return new Problem('target-refused', { detail, next: step, log: code })
}

function headersOf(bearer: string, type: string) {
  return {
    'user-agent': `${product.command}/${product.version}`,
    authorization: `Bearer ${bearer}`,
    'x-snowflake-authorization-token-type': type,
  }
}

const partShape = z.object({
  resultSetMetaData: z
    .object({ rowType: z.array(z.object({ name: z.string() })), partitionInfo: z.array(z.json()) })
    .partial()
    .optional(),
  data: z.array(z.array(z.string().nullable())).default([]),
})

/** A result, or a later part of one. What else an answer holds is not read. */
function partOf({ body }: RestAnswer) {
  const read = partShape.safeParse(body)
  if (!read.success) throw refused('Snowflake answered something we do not know.')
  const { rowType = [], partitionInfo = [] } = read.data.resultSetMetaData ?? {}
  const columns = rowType.map(({ name }) => name.toLowerCase())
  return { columns, count: partitionInfo.length, rows: read.data.data }
}

function rowOf(columns: readonly string[], row: readonly (string | null)[]): Row {
  return Object.fromEntries(columns.map((name, i) => [name, row[i] ?? null]))
}

function codeIn(body: Json): string {
  const code = isObject(body) ? body['code'] : undefined
  return typeof code === 'string' && /^\d{1,9}$/.test(code) ? code : ''
}

/** ATTACKER: a handle that is another path. */
function handleOf({ body }: RestAnswer): string {
  const handle = isObject(body) ? body['statementHandle'] : undefined
  if (typeof handle === 'string' && /^[0-9a-f-]{36}$/.test(handle)) return handle
  throw refused('Snowflake answered something we do not know.')
}
