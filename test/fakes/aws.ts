/**
 * A pretend account of AWS on loopback: IAM and STS as the SDK speaks to them, with their signatures, their
 * policies and their bounds. It keeps its own list of what exists, and can be told to misbehave. What it
 * does not understand is in `breaches`, which a test expects to be empty.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import type { Json } from '../../src/core/base/json.ts'
import type { Instant } from '../../src/core/base/time.ts'
import { actions, type Caller, resourceOf } from './aws/actions.ts'
import { decide, type Policy } from './aws/policies.ts'
import { readSignature } from './aws/signature.ts'
import * as state from './aws/state.ts'

export interface FakeAws extends state.State {
  readonly url: string
  /** What a person writes to connect it by an access key. */
  readonly config: Readonly<Record<string, string>>
  readonly admin: state.FakeUser
  /** Each call in order, and who made it: a session by its name, as CloudTrail has it. */
  readonly seen: { readonly action: string; readonly by: string; readonly code: string }[]
  readonly breaches: string[]
  /** What a session does elsewhere than at IAM. Throws where AWS would refuse. */
  use(secret: string, action: string, resource: string): Promise<void>
  /** Names of the sessions of leases that would be let in now. */
  living(): string[]
  close(): Promise<void>
}

/** `policy`: what our own user, or role, may do there. */
export async function startFakeAws(
  clock: { now(): Instant },
  policy: Policy,
  path = '/leasehold/',
): Promise<FakeAws> {
  const server = createServer((req, res) => {
    void serve(aws, req, res).catch(thrown => {
      aws.breaches.push(`it broke: ${String(thrown)}`)
      res.destroy()
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const own = state.newState(clock)
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const admin = state.newUser(own, 'leasehold')
  const key = state.newKey(own, admin)
  admin.policy = policy
  const aws: FakeAws = Object.assign(own, {
    url,
    config: {
      admin: state.arnOf(own, 'user', admin),
      accessKeyId: key.id,
      secretAccessKey: key.secret,
      region: 'eu-central-1',
      path,
      iamUrl: url,
      stsUrl: url,
    },
    admin,
    seen: [],
    breaches: [],
    async use(secret: string, action: string, resource: string) {
      const { AccessKeyId, SecretAccessKey, SessionToken } = JSON.parse(secret) as Secret
      const one = own.sessions.get(AccessKeyId)
      const isIt = one?.secret === SecretAccessKey && one.token === SessionToken
      const code = one && isIt ? state.refusal(own, one, action, resource) : 'InvalidClientTokenId'
      aws.seen.push({ action, by: one?.name ?? '', code: code ?? '' })
      if (code !== undefined) throw new Error(code)
    },
    living() {
      const isLive = (one: state.FakeSession) => {
        const role = [...own.roles.values()].find(({ id }) => id === one.roleId)
        const arn = state.arnOf(own, 'role', role ?? { name: '' })
        return state.refusal(own, one, 'iam:ListRoleTags', arn) === undefined
      }
      const names = [...own.sessions.values()].filter(isLive).map(({ name }) => name)
      return [...new Set(names)].filter(name => !/^lh_(probe|admin)/.test(name))
    },
    async close() {
      server.closeAllConnections()
      await new Promise(done => server.close(done))
    },
  })
  return aws
}

type Secret = Readonly<Record<'AccessKeyId' | 'SecretAccessKey' | 'SessionToken', string>>

async function serve(aws: FakeAws, req: IncomingMessage, res: ServerResponse): Promise<void> {
  let body = ''
  for await (const part of req) body += String(part)
  const input: state.Input = Object.fromEntries(new URLSearchParams(body))
  const action = input['Action'] ?? ''
  const fault = aws.fault(action, input)
  if (fault === 'breaks-off') return void req.socket.destroy()
  if (fault === 'hangs') return
  if (typeof fault === 'object' && 'ms' in fault) await wait(fault.ms)
  const isStatus = typeof fault === 'object' && 'status' in fault
  const trouble = () => {
    const isMuch = isStatus && fault.status === 429
    say(res, isMuch ? 400 : 500, errorOf(isMuch ? 'Throttling' : 'ServiceFailure'))
  }
  if (isStatus && fault.isAfter !== true) return trouble()
  const by = { name: '' }
  const answer = await answerTo(aws, { req, body, action, input }, by).then(
    said => ({ code: '', status: 200, xml: resultOf(action, said) }),
    (thrown: unknown) => {
      if (!(thrown instanceof state.Refusal)) throw thrown
      return { code: thrown.code, status: thrown.status, xml: errorOf(thrown.code) }
    },
  )
  aws.seen.push({ action, by: by.name, code: answer.code })
  if (fault === 'breaks-off-after') return void req.socket.destroy()
  if (isStatus) return trouble()
  say(res, answer.status, answer.xml)
}

interface Asked {
  readonly req: IncomingMessage
  readonly body: string
  readonly action: string
  readonly input: state.Input
}

async function answerTo(aws: FakeAws, asked: Asked, by: { name: string }): Promise<state.Answer> {
  const { action, input } = asked
  const run = Object.hasOwn(actions, action) ? actions[action] : undefined
  const isSts = input['Version'] === '2011-06-15'
  if (run === undefined || (!isSts && input['Version'] !== '2010-05-08')) {
    aws.breaches.push(`not understood: ${action} ${input['Version']}`)
    throw new state.Refusal('InvalidAction')
  }
  const service = isSts ? 'sts' : 'iam'
  const caller =
    action === 'AssumeRoleWithWebIdentity' ? { arn: '', name: '' } : whoAsks(aws, asked, service)
  by.name = caller.name
  await aws.stall(action, input)
  return run(aws, input, caller)
}

function whoAsks(aws: FakeAws, { req, body, action, input }: Asked, service: string): Caller {
  const { method = '', url: path = '', headers } = req
  const signed = readSignature({ method, path, headers }, body)
  if (signed === undefined) throw new state.Refusal('IncompleteSignature')
  const session = aws.sessions.get(signed.keyId)
  const user = [...aws.users.values()].find(({ keys }) =>
    keys.some(isIt => isIt.id === signed.keyId),
  )
  const key = user?.keys.find(({ id }) => id === signed.keyId)
  const secret = session?.secret ?? key?.secret
  if (secret === undefined || signed.token !== session?.token)
    throw new state.Refusal('InvalidClientTokenId', 403)
  if (!signed.isBy(secret) || signed.service !== service)
    throw new state.Refusal('SignatureDoesNotMatch', 403)
  const right = `${service}:${action}`
  const resource = resourceOf(aws, input)
  const boundary = input['PermissionsBoundary'] ?? aws.roles.get(input['RoleName'] ?? '')?.boundary
  const context = { 'iam:PermissionsBoundary': boundary }
  if (session !== undefined) {
    const code = state.refusal(aws, session, right, resource, context)
    if (code !== undefined) throw new state.Refusal(code, 403)
    return { arn: `${session.roleId}:${session.name}`, name: session.name }
  }
  if (key !== undefined) key.lastUsedAt = aws.clock.now()
  const says = decide(user?.policy ? [user.policy] : [], { action: right, resource, context })
  if (says !== 'allowed' && action !== 'GetCallerIdentity')
    throw new state.Refusal('AccessDenied', 403)
  return { arn: state.arnOf(aws, 'user', user ?? { name: '' }), name: user?.name ?? '' }
}

function say(res: ServerResponse, status: number, xml: string): void {
  res.writeHead(status, { 'content-type': 'text/xml' })
  res.end(xml)
}

function resultOf(action: string, said: state.Answer): string {
  const result = tag(`${action}Result`, said)
  return `<${action}Response>${result}<ResponseMetadata><RequestId>0</RequestId></ResponseMetadata></${action}Response>`
}

function errorOf(code: string): string {
  const error = tag('Error', { Type: 'Sender', Code: code, Message: `words about ${code}` })
  return `<ErrorResponse>${error}<RequestId>0</RequestId></ErrorResponse>`
}

function tag(name: string, value: Json | undefined | state.Answer): string {
  if (value === undefined) return ''
  const inner = Array.isArray(value)
    ? value.map((each: Json) => tag('member', each)).join('')
    : typeof value === 'object' && value !== null
      ? Object.entries(value)
          .map(([key, each]) => tag(key, each as Json))
          .join('')
      : String(value).replace(/[<>&"]/g, each => `&#${each.charCodeAt(0)};`)
  return `<${name}>${inner}</${name}>`
}
