/**
 * Requests at Google Cloud: as ourselves, by our key or by a word of our own issuer, and with the token
 * of a lease to see whether it is taken. Google's APIs are many hosts; each has a bounded client.
 */
import { createPrivateKey } from 'node:crypto'
import { SignJWT } from 'jose'
import { z } from 'zod'
import * as time from '../../src/core/base/time.ts'
import { type RestRequest, restClient } from '../rest/client.ts'
import { type Said, wordsOf } from '../rest/cloud.ts'
import type { Federation } from '../rest/federation.ts'
import { type Given, ownToken } from '../rest/own-token.ts'
import { adminOf, type GcpConfig } from './config.ts'
import { accountId } from './names.ts'

export const hosts = {
  iam: 'iam.googleapis.com',
  credentials: 'iamcredentials.googleapis.com',
  oauth: 'oauth2.googleapis.com',
  sts: 'sts.googleapis.com',
  projects: 'cloudresourcemanager.googleapis.com',
  storage: 'storage.googleapis.com',
  secrets: 'secretmanager.googleapis.com',
  activity: 'policyanalyzer.googleapis.com',
} as const
export type Service = keyof typeof hosts
export type Request = Omit<RestRequest, 'headers'>

export const name = 'GCP'
const scope = 'https://www.googleapis.com/auth/cloud-platform'
/** Google takes a word of a key for an hour at most. */
const wordSeconds = 300
/** The longest that Google lets a token live without a change of the organisation's policy. */
export const lifeSeconds = 3600

export const { refused, unavailable, explain, readAs, rest } = wordsOf(name)

export type Cloud = ReturnType<typeof openCloud>

export function openCloud(config: GcpConfig, clock: Pick<time.Clock, 'now'>, issuer?: Federation) {
  const base = (host: string) => new URL(config.url ?? `https://${host}`)
  const clients = Object.entries(hosts).map(([each, host]) => [each, restClient(name, base(host))])
  const asks = Object.fromEntries(clients) as Record<Service, ReturnType<typeof restClient>>
  const as = (token: string, service: Service, request: Request, signal: AbortSignal) =>
    asks[service]({ ...request, headers: { authorization: `Bearer ${token}` } }, signal)
  const given = config.key ? () => byKey(config, clock) : () => byIssuer(config, issuer)
  const own = ownToken(name, clock, async signal => {
    const { service, ...asked } = await given()
    const request = { ...asked, method: 'POST', headers: {}, takes: [400, 401, 403] } as const
    const answer = await asks[service](request, signal)
    if (answer.status >= 400) throw refused('Google does not take our key, or our issuer.')
    const got = readAs(givenShape, answer.body)
    const first = { token: got.access_token, seconds: got.expires_in }
    return config.serviceAccount ? impersonate(first.token, config.serviceAccount, signal) : first
  })

  async function impersonate(token: string, email: string, signal: AbortSignal): Promise<Given> {
    const answer = await as(token, 'credentials', mintOf(email), signal)
    return { token: readAs(mintedShape, answer.body).accessToken, seconds: lifeSeconds }
  }

  /** As ourselves; once more with another token where that one is not taken. */
  async function call(service: Service, request: Request, signal: AbortSignal) {
    const asked = { ...request, takes: [...(request.takes ?? []), 401] }
    const token = await own(signal)
    const answer = await as(token, service, asked, signal)
    if (answer.status !== 401) return answer
    const again = await as(await own(signal, token), service, asked, signal)
    if (again.status !== 401) return again
    throw refused('Google does not take our credential.')
  }

  async function test(token: string, signal: AbortSignal) {
    const path = `/v3/projects/${config.project}:testIamPermissions`
    const body = { permissions: ['resourcemanager.projects.get'] }
    return as(token, 'projects', { method: 'POST', path, body, takes: [401, 403] }, signal)
  }

  return {
    config,
    clock,
    as,
    call,
    /** Never rejects. Whose token lives is let in there, whatever their rights; `403` is said to them alone. */
    tryToken: (token: string, signal: AbortSignal) =>
      tried(test(token, signal), status => status !== 401),
    /** Never rejects. We have a right to ask: of us nothing but an answer counts. */
    tryProbe: (signal: AbortSignal) =>
      tried(
        own(signal).then(async token => {
          const first = await test(token, signal)
          return first.status === 401 ? test(await own(signal, token), signal) : first
        }),
        status => status < 300,
      ),
    /** A token of that account, for an hour. */
    async mint(email: string, signal: AbortSignal) {
      const answer = await call('credentials', { ...mintOf(email), takes: [403, 404] }, signal)
      return answer.status < 300 ? readAs(mintedShape, answer.body) : undefined
    },
    emailOf: (ours: string) => `${accountId(ours)}@${config.project}.iam.gserviceaccount.com`,
  }
}

async function tried(
  asked: Promise<{ readonly status: number }>,
  isIn: (status: number) => boolean,
): Promise<Said> {
  try {
    const { status } = await asked
    if (isIn(status)) return { says: 'accepted', because: '' }
    if (status === 401) return { says: 'refused', because: '' }
    return { says: 'unclear', because: `Google answered ${status}.` }
  } catch (thrown) {
    return { says: 'unclear', because: explain(thrown) }
  }
}

interface Asked {
  readonly service: Service
  readonly path: string
  readonly form: Readonly<Record<string, string>>
}

/** RFC 7523. */
async function byKey(config: GcpConfig, clock: Pick<time.Clock, 'now'>): Promise<Asked> {
  const { key } = config
  const now = time.toSeconds(clock.now())
  const word = await new SignJWT({ scope })
    .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: key?.private_key_id ?? '' })
    .setIssuer(adminOf(config))
    .setAudience('https://oauth2.googleapis.com/token')
    .setIssuedAt(now)
    .setExpirationTime(now + wordSeconds)
    .sign(createPrivateKey(key?.private_key ?? ''))
  const form = { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion: word }
  return { service: 'oauth', path: '/token', form }
}

/** RFC 8693: nothing is stored at Google or here, a provider there trusts our issuer. */
async function byIssuer({ project, provider }: GcpConfig, issuer?: Federation): Promise<Asked> {
  if (issuer === undefined)
    throw refused('This server has no issuer for outside systems.', 'Connect it with a `key`.')
  const subject = `connector/gcp/${project}`
  const subjectToken = await issuer.sign({ subject, audience: `https:${provider}` })
  const form = {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    audience: provider ?? '',
    scope,
    requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    subject_token: subjectToken,
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
  }
  return { service: 'sts', path: '/v1/token', form }
}

const mintOf = (email: string): Request => ({
  method: 'POST',
  path: `/v1/projects/-/serviceAccounts/${email}:generateAccessToken`,
  body: { scope: [scope], lifetime: `${lifeSeconds}s` },
})

/** Google's form of an access token; the rest is its own business. */
export function isToken(secret: string | null): secret is string {
  return secret !== null && /^ya29\.[\w.~+/=-]{20,4000}$/.test(secret)
}

const tokenShape = z.string().refine(isToken)
const givenShape = z.object({ access_token: tokenShape, expires_in: z.number().positive() })
const mintedShape = z.object({ accessToken: tokenShape, expireTime: z.string() })
