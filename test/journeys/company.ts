/**
 * A company for tests of the doors: the real server with its database, log, keys and schedule, a
 * pretend GitHub that signs, and, where wanted, a real PostgreSQL as target. People are who their
 * bearer says (signing in is tested at its own door); everything behind that is the product.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { signInLink } from '../../demo/people.ts'
import { readConfig } from '../../src/config.ts'
import { isId, newId, type PersonId } from '../../src/core/base/ids.ts'
import { addSeconds, toMs } from '../../src/core/base/time.ts'
import { setRoles } from '../../src/core/people/change.ts'
import { signInPerson } from '../../src/core/people/sign-in.ts'
import { verifyTaskToken } from '../../src/core/token/verify.ts'
import { type Api, makeApi } from '../../src/doors/api/api.ts'
import { listPeople } from '../../src/life/lists/lists.ts'
import { type Running, startServer } from '../../src/main.ts'
import { type GithubIssuer, githubClaims, startGithubIssuer } from '../fakes/github-issuer.ts'
import { type LeapingClock, leapingClock } from '../support/clock.ts'
import { type SalesDatabase, startSalesDatabase } from '../support/sales-database.ts'

/** Sam came first and has the role `platform`, Sue has `security`, the others none. */
export type Name = 'sam' | 'sue' | 'maya' | 'tom' | 'eve'

export interface Answered {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  // oxlint-disable-next-line typescript/no-explicit-any -- a test reads whatever the wire says
  readonly body: any
}

export interface Company {
  readonly api: Api
  readonly running: Running
  readonly clock: LeapingClock
  readonly github: GithubIssuer
  readonly sales: SalesDatabase | undefined
  readonly ids: Readonly<Record<Name, PersonId>>
  readonly logged: Readonly<Record<string, unknown>>[]
  /** As a person by name, with a task token, or (null) as nobody. */
  readonly as: (who: Name | { task: string } | null) => {
    (
      method: string,
      path: string,
      body?: unknown,
      headers?: Record<string, string>,
    ): Promise<Answered>
  }
  raw(path: string, init: RequestInit & { who?: Name }): Promise<Answered>
  exchange(form: Record<string, string>, claims?: Record<string, unknown>): Promise<Answered>
  /** Entries in the log once everything has its position. */
  size(): Promise<number>
  stop(): Promise<void>
}

export async function startCompany(
  options: { target?: boolean; loopback?: string; env?: Readonly<Record<string, string>> } = {},
): Promise<Company> {
  const home = await mkdtemp(join(tmpdir(), 'leasehold-test-'))
  const clock = leapingClock()
  const github = await startGithubIssuer()
  const sales = options.target === true ? await startSalesDatabase() : undefined
  const logged: Readonly<Record<string, unknown>>[] = []
  const running = await startServer(
    readConfig({
      LEASEHOLD_HOME: home,
      LEASEHOLD_PORT: '0',
      LEASEHOLD_MODE: 'team',
      LEASEHOLD_TRUST_DOMAIN: 'acme.example',
      LEASEHOLD_CI_ISSUERS: github.issuer,
      LEASEHOLD_LOOPBACK_ISSUERS: `${github.issuer} ${options.loopback ?? ''}`,
      ...options.env,
    }),
    { clock, log: line => logged.push(line), firstPerson: 'Sam' },
  )
  const { world, issuer, address } = running
  const [first] = await listPeople(world.store, 1)
  if (first === undefined) throw new Error('a new installation has its first person')
  const ids = { sam: first.id } as Record<Name, PersonId>
  for (const name of ['sue', 'maya', 'tom', 'eve'] as const) {
    const email = `${name}@acme.example`
    const row = await signInPerson(world, { iss: 'https://idp.example', sub: name, name, email })
    ids[name] = row.id
  }
  await world.settle()
  const about = { type: 'person', id: ids.sue } as const
  const actor = { kind: 'person', id: ids.sam } as const
  const raised = world.decide({ actor, action: 'person.roles', about })
  if (!raised.allowed) throw new Error(raised.denial.says)
  await setRoles(world, raised.permit, { personId: ids.sue, roles: ['security'] })
  await world.settle()
  const api = makeApi({
    ...world,
    verifyPerson: async token => {
      const { sub } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
      if (!isId('person', sub)) throw new Error('a test bearer names a person')
      return { personId: sub, signInEndsAt: addSeconds(clock.now(), 3600), boundTo: null }
    },
    verifyTask: token => verifyTaskToken(world, token, issuer),
  })

  const send = async (path: string, init: RequestInit): Promise<Answered> => {
    const response = await api.fetch(new Request(`${issuer}${path}`, init))
    return answered(response)
  }
  return {
    api,
    running,
    clock,
    github,
    sales,
    ids,
    logged,
    as: who => (method, path, body, headers) =>
      send(path, {
        method,
        headers: {
          ...(who === null ? {} : { authorization: `Bearer ${bearer(who, ids)}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    raw: (path, { who, ...init }) =>
      send(path, {
        ...init,
        headers: {
          ...(who === undefined ? {} : { authorization: `Bearer ${bearer(who, ids)}` }),
          ...Object.fromEntries(new Headers(init.headers)),
        },
      }),
    async exchange(form, claims = {}) {
      const iat = Math.floor(toMs(clock.now()) / 1000)
      const token = await github.issue({ ...githubClaims(issuer, iat), ...claims })
      const body = new URLSearchParams({
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token: token,
        subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
        ...form,
      })
      return answered(await fetch(`${address}/oauth/token`, { method: 'POST', body }))
    },
    async size() {
      await world.settle()
      const rows = await world.store.query<{ n: number }>(
        'select (select count(*) from ledger_entry)::int + (select count(*) from ledger_inbox)::int as n',
      )
      return rows[0]?.n ?? -1
    },
    async stop() {
      await running.stop()
      await sales?.stop()
      await github.stop()
      await rm(home, { recursive: true, force: true })
    },
  }
}

async function answered(response: Response): Promise<Answered> {
  // A stream has no end; what it tells, its own test reads.
  const isStream = response.headers.get('content-type') === 'text/event-stream'
  if (isStream) await response.body?.cancel()
  const text = isStream ? '' : await response.text()
  const isJson = response.headers.get('content-type')?.includes('json') === true
  const body = isJson && text !== '' ? JSON.parse(text) : undefined
  return { status: response.status, headers: response.headers, text, body }
}

/** Shaped as a token, so that the door takes it for one; who it is of is read by the test's verifier. */
function bearer(who: Name | { task: string }, ids: Readonly<Record<Name, PersonId>>): string {
  if (typeof who === 'object') return who.task
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'none' })}.${part({ sub: ids[who], exp: 4_102_444_800 })}.x`
}

export const appBody = { purpose: 'board of stuck deals', backup: 'tom@acme.example', days: 5 }

export const claims = {
  repository_id: '1001',
  repository_owner_id: '4711',
  environment: 'crm',
  job_workflow_ref: 'acme/deal-desk/.github/workflows/refresh.yml@refs/heads/main',
}

/** Connects the sales database and names its deals; Tom answers for them. */
export async function connectSales(company: Company): Promise<void> {
  const { sales } = company
  if (sales === undefined) throw new Error('start the company with a target')
  const sam = company.as('sam')
  const { config, deals } = sales
  const target = { slug: 'crm', connector: 'postgres', config, production: false }
  await expectStatus(201, sam('POST', '/v1/targets', target))
  const columns = ['id', 'name'].map(name => ({ name, class: 'internal' }))
  const resource = { slug: 'crm.deals', target: 'crm', object: deals, columns }
  const owned = { dataClass: 'internal', dataOwner: 'tom@acme.example' }
  await expectStatus(201, sam('POST', '/v1/resources', { ...resource, ...owned }))
}

/** An app of Maya with a purpose, trusted CI and a grant on the deals, all agreed by Tom. */
export async function makeAppWithGrant(company: Company, slug: string, days = 5): Promise<void> {
  await expectStatus(201, company.as('maya')('POST', '/v1/apps', { ...appBody, slug, days }))
  await giveGrant(company, slug)
}

/** To an app of Maya that is there. */
export async function giveGrant(company: Company, slug: string): Promise<void> {
  const [maya, tom] = [company.as('maya'), company.as('tom')]
  const needs = '    needs:\n      - resource: crm.deals\n        actions: [read]\n'
  const yaml = `app: ${slug}\npurposes:\n  look:\n    says: Looks at deals\n${needs}`
  await expectStatus(200, maya('PUT', `/v1/apps/${slug}/manifest`, { yaml }))
  const trust = { role: 'run', preset: 'github', issuer: company.github.issuer, reason: 'our CI' }
  const asked = [
    await maya('POST', `/v1/apps/${slug}/trust`, { ...trust, claims: claimsOf(slug) }),
    await maya('POST', '/v1/requests', {
      app: slug,
      resource: 'crm.deals',
      actions: ['read'],
      reason: 'to look',
    }),
  ]
  for (const { status, body, text } of asked) {
    if (status !== 201) throw new Error(text)
    const answer = { says: 'yes', bodyHash: body.bodyHash }
    await expectStatus(200, tom('POST', `/v1/requests/${body.id}/answer`, answer))
  }
  await company.running.world.settle()
}

/** Each app runs from a repository of its own. */
export function claimsOf(slug: string) {
  const hash = [...slug].reduce((sum, letter) => sum * 31 + letter.charCodeAt(0), 7) % 1_000_000
  const workflow = `acme/${slug}/.github/workflows/refresh.yml@refs/heads/main`
  return { ...claims, repository_id: String(hash + 1), job_workflow_ref: workflow }
}

/** A task token of the app, from a CI run. */
export async function attest(company: Company, slug: string, run = newId('task')): Promise<string> {
  const form = { scope: 'look', identity: `${slug}/run` }
  const { body, text } = await company.exchange(form, {
    ...claimsOf(slug),
    repository: `acme/${slug}`,
    run_id: String([...run].reduce((sum, letter) => (sum * 33 + letter.charCodeAt(0)) % 1e9, 1)),
  })
  if (body?.access_token === undefined) throw new Error(text)
  return body.access_token
}

export async function workByHand(company: Company, of: { identity: string; run: string }) {
  return company.as({ task: await taskByHand(company, of) })
}

/** Of Sam, doing the work of his app: attended, on his own behalf. */
export async function taskByHand(
  company: Company,
  { identity, run }: { identity: string; run: string },
): Promise<string> {
  const { running } = company
  const link = await running.signInLink()
  const { token } = await signInLink(running.issuer, running.address, link)
  const subject_token_type = 'urn:ietf:params:oauth:token-type:access_token'
  const form = { subject_token: token, subject_token_type, identity, scope: 'look', run }
  const { body, text } = await company.exchange(form)
  if (body?.access_token === undefined) throw new Error(text)
  return body.access_token
}

export async function expectStatus(status: number, call: Promise<Answered>): Promise<Answered> {
  const answer = await call
  if (answer.status !== status) throw new Error(`${answer.status} ${answer.text}`)
  return answer
}
