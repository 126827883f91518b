/**
 * A pretend Snowflake account on loopback, spoken to by its SQL API: users, roles, rights and tokens. It
 * keeps its own list of what exists, and can be told to misbehave.
 *
 * Each request it gets and each answer it gives is held to the vendor's own description of the API, where
 * the folder of those is named by LEASEHOLD_VENDOR_API; what differs is in `breaches`, which a test
 * expects to be empty. A statement that is not understood is one as well.
 */
import { createHash, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { decodeJwt, jwtVerify } from 'jose'
import { parse } from 'yaml'
import { type Instant, toMs, toSeconds } from '../../src/core/base/time.ts'
import { type Contract, contractOf } from '../support/contract.ts'
import { newKeys } from './github/state.ts'
import { holderOf, newState, type State } from './snowflake/state.ts'
import { type Asking, type Outcome, runStatement } from './snowflake/statements.ts'

export interface FakeSnowflake extends State {
  readonly url: string
  /** What a person writes to connect it. */
  readonly config: {
    readonly account: string
    readonly user: string
    readonly privateKeyPem: string
    readonly role: string
    readonly warehouse: string
    readonly url: string
  }
  /** Each statement in order, and who asked, as its query history has it. */
  readonly seen: { readonly statement: string; readonly status: number; readonly by: string }[]
  readonly breaches: string[]
  /** Is what was said held to the vendor's description. */
  readonly isHeld: boolean
  /** Users of leases whose token would be let in now. */
  living(): string[]
  close(): Promise<void>
}

interface Sent {
  readonly statement?: string
  readonly timeout?: number
  readonly role?: string
  readonly warehouse?: string
  readonly bindings?: Readonly<Record<string, { readonly value: string }>>
}
interface Answer {
  readonly status: number
  readonly body: unknown
}
interface Running {
  left: number
  readonly outcome: () => Outcome
  answer: Outcome | undefined
  readonly madeAt: number
}

/** Not ours to give: it is read where it lies, and nothing is judged where it does not. */
export const snowflakeDescription = join(
  process.env['LEASEHOLD_VENDOR_API'] ?? '/nowhere',
  'snowflake-sqlapi.yaml.gz',
)
let contract: Contract | undefined

export async function startFakeSnowflake(clock: { now(): Instant }): Promise<FakeSnowflake> {
  if (existsSync(snowflakeDescription)) {
    const text = gunzipSync(readFileSync(snowflakeDescription)).toString()
    contract ??= contractOf(parse(text) as Parameters<typeof contractOf>[0])
  }
  const { publicKey, privateKey } = newKeys()
  const handles = new Map<string, Running>()
  const serving = (req: IncomingMessage, res: ServerResponse) =>
    void serve({ snowflake, handles }, req, res).catch(thrown => {
      snowflake.breaches.push(`it broke: ${String(thrown)}`)
      res.destroy()
    })
  const server = createServer(serving)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const state = newState(clock, publicKey)
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const snowflake: FakeSnowflake = Object.assign(state, {
    url,
    config: {
      account: state.account,
      user: state.admin.user,
      privateKeyPem: privateKey.export({ format: 'pem', type: 'pkcs8' }),
      role: state.admin.role,
      warehouse: 'SMALL',
      url,
    },
    seen: [],
    breaches: [],
    isHeld: contract !== undefined,
    living: () =>
      [...state.users.values()].flatMap(({ name, pats }) =>
        name !== state.admin.user && pats.some(({ value }) => holderOf(state, value)) ? [name] : [],
      ),
    async close() {
      server.closeAllConnections()
      await new Promise(done => server.close(done))
    },
  })
  return snowflake
}

interface Place {
  readonly snowflake: FakeSnowflake
  readonly handles: Map<string, Running>
}

async function serve(place: Place, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const { snowflake } = place
  const { method = '', url: path = '' } = req
  let text = ''
  for await (const part of req) text += String(part)
  const body = text === '' ? undefined : (JSON.parse(text) as Sent)
  const statement = body?.statement ?? path
  const fault = snowflake.fault(statement)
  if (fault === 'breaks-off') return void req.socket.destroy()
  if (fault === 'hangs') return
  if (typeof fault === 'object' && 'ms' in fault) await wait(fault.ms)
  const send = ({ status, body: said }: Answer, headers: Record<string, string> = {}) => {
    res.writeHead(status, { 'content-type': 'application/json', ...headers })
    res.end(JSON.stringify(said))
  }
  const trouble = { message: 'Server trouble' }
  const isStatus = typeof fault === 'object' && 'status' in fault
  if (isStatus && fault.isAfter !== true)
    return send({ status: fault.status, body: trouble }, fault.headers)
  const { by, isAdmin } = await whoAsks(snowflake, req)
  const answer: Answer =
    by === undefined
      ? {
          status: 401,
          body: { code: isAdmin ? '390144' : snowflake.refusal, message: 'Invalid token' },
        }
      : await answerTo(place, { method, path, body, by })
  if (fault === 'breaks-off-after') return void req.socket.destroy()
  if (isStatus) return send({ status: fault.status, body: trouble }, fault.headers)
  snowflake.seen.push({ statement, status: answer.status, by: by?.name ?? '' })
  judge(snowflake, { method, path, body }, answer)
  send(answer)
}

interface By {
  readonly name: string
  readonly asking: Asking['by']
}

async function whoAsks(snowflake: FakeSnowflake, req: IncomingMessage) {
  const bearer = /^Bearer (.+)$/.exec(req.headers.authorization ?? '')?.[1] ?? ''
  const type = req.headers['x-snowflake-authorization-token-type']
  const isAdmin = type === 'KEYPAIR_JWT'
  if (!/^\w+\/[\w.]+$/.test(req.headers['user-agent'] ?? ''))
    snowflake.breaches.push('no User-Agent')
  let by: By | undefined
  if (isAdmin && (await isOurWord(snowflake, bearer)))
    by = { name: snowflake.admin.user, asking: undefined }
  const own = type === 'PROGRAMMATIC_ACCESS_TOKEN' ? holderOf(snowflake, bearer) : undefined
  if (own) {
    own.user.lastLogin = snowflake.clock.now()
    by = { name: own.user.name, asking: { user: own.user, role: own.pat.role } }
  }
  return { by, isAdmin }
}

/** Snowflake's rule for the word of a key pair: RS256, whose key it is by its hash, an hour at most. */
async function isOurWord({ publicKey, account, admin, clock }: State, word: string) {
  if (publicKey === undefined) return false
  const der = publicKey.export({ type: 'spki', format: 'der' })
  const hash = createHash('sha256').update(der).digest('base64')
  const subject = `${account}.${admin.user}`
  const currentDate = new Date(toMs(clock.now()))
  const rules = { algorithms: ['RS256'], issuer: `${subject}.SHA256:${hash}`, subject, currentDate }
  const isSigned = await jwtVerify(word, publicKey, rules).then(
    () => true,
    () => false,
  )
  if (!isSigned) return false
  const { iat = Infinity, exp = Infinity } = decodeJwt(word)
  return iat <= toSeconds(clock.now()) + 60 && exp - iat <= 3600
}

interface Asked {
  readonly method: string
  readonly path: string
  readonly body: Sent | undefined
  readonly by: By
}

async function answerTo({ snowflake, handles }: Place, asked: Asked): Promise<Answer> {
  const { method, path, body = {}, by } = asked
  const url = new URL(path, snowflake.url)
  const [, handle = '', cancel] =
    /^\/api\/v2\/statements\/([0-9a-f-]{36})(\/cancel)?$/.exec(url.pathname) ?? []
  if (handle === '') {
    if (method !== 'POST' || url.pathname !== '/api/v2/statements') return { status: 404, body: {} }
    const made = await begin(snowflake, body, by)
    const own = randomUUID()
    handles.set(own, made)
    return result(snowflake, { handle: own, running: made, part: 0 })
  }
  const running = handles.get(handle)
  if (running === undefined) return { status: 404, body: {} }
  if (cancel !== undefined) {
    handles.delete(handle)
    return { status: 200, body: { message: 'successfully canceled', statementHandle: handle } }
  }
  return result(snowflake, {
    handle,
    running,
    part: Number(url.searchParams.get('partition') ?? 0),
  })
}

async function begin(snowflake: FakeSnowflake, body: Sent, by: By): Promise<Running> {
  const { statement = '', bindings = {} } = body
  const asking: Asking = {
    state: snowflake,
    by: by.asking,
    binds: Object.values(bindings).map(({ value }) => value),
    warehouse: body.warehouse,
  }
  if (by.asking === undefined && body.role !== snowflake.admin.role)
    snowflake.breaches.push(`role ${body.role}`)
  // Who sends one that nobody bounds leaves it running.
  if (by.asking === undefined && !body.timeout) snowflake.breaches.push(`no timeout: ${statement}`)
  await snowflake.stall(statement)
  const outcome = () => {
    const said = runStatement(asking, statement)
    if (said === undefined) snowflake.breaches.push(`not understood: ${statement}`)
    return said ?? { code: '001003', sqlState: '42000' }
  }
  const madeAt = toMs(snowflake.clock.now())
  return { left: snowflake.slowTimes, outcome, answer: undefined, madeAt }
}

function result(
  { rowsOfPart }: FakeSnowflake,
  { handle, running, part }: { handle: string; running: Running; part: number },
): Answer {
  const statementStatusUrl = `http://127.0.0.1/api/v2/statements/${handle}`
  const about = { statementHandle: handle, statementStatusUrl }
  if (running.left > 0) {
    running.left--
    return { status: 202, body: { code: '333334', message: 'in progress', ...about } }
  }
  running.answer ??= running.outcome()
  const { answer } = running
  if ('code' in answer) return { status: 422, body: { ...answer, message: 'SQL error', ...about } }
  const { columns, rows } = answer
  const data = rows.slice(part * rowsOfPart, (part + 1) * rowsOfPart).map(row => [...row])
  if (part > 0) return { status: 200, body: { data } }
  const parts = Math.max(1, Math.ceil(rows.length / rowsOfPart))
  const resultSetMetaData = {
    numRows: rows.length,
    format: 'jsonv2',
    rowType: columns.map(name => ({ name, type: 'TEXT', nullable: true })),
    partitionInfo: Array.from({ length: parts }, () => ({ rowCount: rowsOfPart })),
  }
  const said = { code: '090001', sqlState: '00000', message: 'done', createdOn: running.madeAt }
  return { status: 200, body: { resultSetMetaData, data, ...said, ...about } }
}

function judge(snowflake: FakeSnowflake, asked: Omit<Asked, 'by'>, { status, body }: Answer) {
  if (contract === undefined) return
  snowflake.breaches.push(...contract.judgeRequest(asked, asked.body))
  // What a refusal may hold it tells in words alone.
  if ([401, 404].includes(status)) return
  snowflake.breaches.push(...contract.judgeAnswer(asked, status, body))
}
