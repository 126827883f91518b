/**
 * A pretend GitHub on loopback: an organisation with repositories, and an App that makes tokens of its
 * installation. It keeps its own list of what exists, and can be told to misbehave.
 *
 * Each request it gets and each answer it gives is held to the vendor's own description of the API;
 * what differs is in `breaches`, which a test expects to be empty. GraphQL is not in that description.
 * It is installed by `conformance -- connectors`; a clone that never ran that judges nothing by it.
 */
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { jwtVerify } from 'jose'
import { type Instant, toMs, toSeconds } from '../../src/core/base/time.ts'
import {
  type Contract,
  complete,
  githubDescription as description,
  openContract,
} from '../support/contract.ts'
import { endingRoutes } from './github/ending.ts'
import { answerPerson } from './github/person.ts'
import { type Answer, living, no, reaches, routes } from './github/routes.ts'
import { type FakeToken, hashOf, isTaken, newKeys, newState, type State } from './github/state.ts'

export interface FakeGithub extends State {
  readonly url: string
  /** What a person writes to connect it. */
  readonly config: {
    readonly appId: number
    readonly privateKeyPem: string
    readonly installationId: number
    readonly organisation: string
    readonly url: string
  }
  /** Each request in order, and who asked by the hash of the token, as its audit log has it. */
  readonly seen: { readonly asked: string; readonly status: number; readonly by: string }[]
  readonly breaches: string[]
  /** Tokens that would be let in now. */
  living(): FakeToken[]
  close(): Promise<void>
}

let contract: Contract | undefined

export async function startFakeGithub(clock: { now(): Instant }): Promise<FakeGithub> {
  if (existsSync(description)) contract ??= openContract(description)
  const { publicKey, privateKey } = newKeys()
  const server = createServer((req, res) => void serve(github, req, res).catch(() => req.destroy()))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const state = newState(clock, publicKey)
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const github: FakeGithub = Object.assign(state, {
    url,
    config: {
      appId: state.app.id,
      privateKeyPem: privateKey.export({ format: 'pem', type: 'pkcs1' }),
      installationId: state.installation.id,
      organisation: state.organisation,
      url,
    },
    seen: [],
    breaches: [],
    living: () => living(state),
    async close() {
      server.closeAllConnections()
      await new Promise(done => server.close(done))
    },
  })
  return github
}

async function serve(github: FakeGithub, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const { method = '', url: path = '' } = req
  let text = ''
  for await (const part of req) text += String(part)
  const asked = `${method} ${path}`
  const fault = github.fault(asked)
  if (fault === 'breaks-off') return void req.socket.destroy()
  if (fault === 'hangs') return
  if (typeof fault === 'object' && 'ms' in fault) await wait(fault.ms)
  const bearer = /^(?:bearer|token) (.+)$/i.exec(req.headers.authorization ?? '')?.[1] ?? ''
  const by = hashOf(bearer)
  const refuse = (status: number, headers: Record<string, string> = {}) => {
    github.seen.push({ asked, status, by })
    const body = JSON.stringify({ message: 'Server trouble' })
    res.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body)
  }
  const isStatus = typeof fault === 'object' && 'status' in fault
  if (isStatus && fault.isAfter !== true) return refuse(fault.status, fault.headers)
  const body = text === '' ? undefined : (JSON.parse(text) as Record<string, unknown>)
  const at = new URL(path, `http://${req.headers.host}`)
  const answer = await answerTo(github, { method, url: at, body, bearer })
  if (fault === 'breaks-off-after') return void req.socket.destroy()
  if (isStatus) return refuse(fault.status, fault.headers)
  github.seen.push({ asked, status: answer.status, by })
  const said = judged(github, { method, path }, { sent: body, answer })
  res.writeHead(answer.status, {
    'content-type': 'application/json; charset=utf-8',
    ...answer.headers,
  })
  res.end(said === undefined ? undefined : JSON.stringify(said))
}

interface Request {
  readonly method: string
  readonly url: URL
  readonly body: Record<string, unknown> | undefined
  readonly bearer: string
}

async function answerTo(github: FakeGithub, request: Request): Promise<Answer> {
  const { method, url, body = {}, bearer } = request
  const isGraph = url.pathname === '/graphql'
  const found = [...routes, ...endingRoutes].find(
    each => each.method === method && each.path.test(url.pathname),
  )
  const own = github.tokens.get(bearer)
  const person = github.people.get(bearer)
  if (person !== undefined)
    return answerPerson(person, { state: github, method, url, body, token: undefined })
  const isOwn = own !== undefined && isTaken(github, own, isGraph ? 'graph' : 'rest')
  const isApp = !isOwn && (await isAppsWord(github, bearer))
  if (!isOwn && !isApp) return no(401, 'Bad credentials')
  if (isOwn && github.installation.isSuspended)
    return no(403, 'This installation has been suspended')
  if (isGraph) return { status: 200, facts: { data: { rateLimit: { remaining: 5_000 } } } }
  if (found === undefined) return no(404, 'Not Found')
  if ((found.by === 'app') !== isApp)
    return no(401, isApp ? 'A token of an installation is needed' : 'A JSON web token is needed')
  const [name, level] = found.needs ?? []
  // What the installation lost, its tokens lost with it.
  const has = name === undefined ? undefined : own?.permissions[name]
  const reached = name === undefined || reaches(github.installation.permissions[name], 'read')
  if (name && level && !(reaches(has, level) && reached))
    return no(403, 'Resource not accessible by integration')
  const parts = found.path.exec(url.pathname)?.slice(1) ?? []
  return found.answer({ state: github, method, url, body, token: own }, parts)
}

/** RFC 7519, and GitHub's own: RS256, the App as issuer, at most ten minutes ahead. */
async function isAppsWord({ publicKey, app, clock }: State, word: string): Promise<boolean> {
  if (publicKey === undefined || word.split('.').length !== 3 || word.startsWith('ghs_'))
    return false
  const issuer = [String(app.id), app.clientId]
  const currentDate = new Date(toMs(clock.now()))
  const options = { algorithms: ['RS256'], issuer, currentDate, requiredClaims: ['iat', 'exp'] }
  const checked = await jwtVerify(word, publicKey, options).catch(() => undefined)
  const { exp = 0, iat = 0 } = checked?.payload ?? {}
  const now = toSeconds(clock.now())
  return checked !== undefined && exp <= now + 600 && iat <= now
}

/** The answer whole, once the vendor's description agrees with both sides. */
function judged(
  github: FakeGithub,
  asked: { method: string; path: string },
  { sent, answer: { status, facts } }: { sent: unknown; answer: Answer },
): unknown {
  if (contract === undefined || asked.path === '/graphql') return facts
  // A path below a path is one parameter to the description.
  const flat = (below: string) => below.replaceAll('/', '%2F')
  asked.path = asked.path.replace(/(?<=\/contents\/)[^?]+/, flat)
  const schema = contract.answerOf(asked, status)
  const said = schema && facts !== undefined ? complete(contract, schema, facts) : facts
  github.breaches.push(...contract.judgeRequest(asked, sent))
  github.breaches.push(...contract.judgeAnswer(asked, status, said))
  return said
}
