/**
 * The decision API against the OpenID AuthZEN Authorization API 1.0: every request over HTTP to the
 * real server, with the task token of an app that brings the rules.
 *
 * The cases follow the working group's certification scenario (openid/authzen,
 * certification/authorization-api-1_0-scenario.md): its users, its records, its eight decisions, and
 * what it demands of the wire. With a file of interoperability vectors (`evaluation`, `evaluations`)
 * those are asked as well, under the rules of the to-do scenario.
 */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import {
  appBody,
  attest,
  type Company,
  claimsOf,
  expectStatus,
  startCompany,
} from '../journeys/company.ts'
import { todoRules } from '../support/todo-rules.ts'

type Say = (text: string) => void
/** Told once for each case. */
type Tell = (name: string, isRight: boolean, detail?: string) => void

/** `conformance -- authzen [--vectors FILE]` */
export async function runAuthzen(
  args: string[],
  say: Say,
): Promise<{ passed: number; failed: number }> {
  const { values } = parseArgs({ args, options: { vectors: { type: 'string' } } })
  const tally = { passed: 0, failed: 0 }
  const tell: Tell = (name, isRight, detail = '') => {
    tally[isRight ? 'passed' : 'failed']++
    if (!isRight) say(`✕ ${name} ${detail}`)
  }
  const company = await startCompany()
  try {
    await scenario(await askerOf(company, 'records', recordRules), tell)
    if (values.vectors !== undefined) {
      const vectors = JSON.parse(readFileSync(values.vectors, 'utf8')) as Vectors
      await playVectors(await askerOf(company, 'todo', todoRules), vectors, tell)
    }
  } finally {
    await company.stop()
  }
  return tally
}

const recordRules = {
  schema: `
entity user = { role?: String };
entity record = { status?: String };
action read, write appliesTo { principal: user, resource: record };
action delete appliesTo { principal: user, resource: record, context: { action?: { soft?: Bool } } };
`,
  policies: `
@id("readers") permit (principal is user, action == Action::"read", resource is record)
when { [user::"alice", user::"bob"].contains(principal) };

@id("alice-writes") permit (principal == user::"alice", action == Action::"write", resource is record)
unless { resource has status && resource.status == "archived" };

@id("admins-write-archived") permit (principal is user, action == Action::"write", resource is record)
when { principal has role && principal.role == "admin" && resource has status && resource.status == "archived" };

@id("alice-deletes-softly") permit (principal == user::"alice", action == Action::"delete", resource is record)
when { context has action && context.action has soft && context.action.soft };
`,
  entities: [
    { type: 'user', id: 'alice', properties: {} },
    { type: 'user', id: 'bob', properties: { role: 'admin' } },
    { type: 'record', id: 'record-1', properties: { status: 'active' } },
    { type: 'record', id: 'record-2', properties: { status: 'archived' } },
  ],
}

interface Reply {
  readonly status: number
  readonly headers: Headers
  // oxlint-disable-next-line typescript/no-explicit-any -- whatever the wire says
  readonly body: any
}

interface Asker {
  readonly base: string
  readonly post: (
    what: string,
    body: unknown,
    headers?: Readonly<Record<string, string>>,
  ) => Promise<Reply>
  readonly get: (path: string) => Promise<Reply>
}

async function askerOf(company: Company, slug: string, rules: object): Promise<Asker> {
  const [maya, tom] = [company.as('maya'), company.as('tom')]
  await expectStatus(201, maya('POST', '/v1/apps', { ...appBody, slug }))
  const yaml = `app: ${slug}\npurposes:\n  look:\n    says: Asks what its users may do\n`
  await expectStatus(200, maya('PUT', `/v1/apps/${slug}/manifest`, { yaml }))
  const trust = { role: 'run', preset: 'github', issuer: company.github.issuer, reason: 'our CI' }
  const asked = await expectStatus(
    201,
    maya('POST', `/v1/apps/${slug}/trust`, { ...trust, claims: claimsOf(slug) }),
  )
  const yes = { says: 'yes', bodyHash: asked.body.bodyHash }
  await expectStatus(200, tom('POST', `/v1/requests/${asked.body.id}/answer`, yes))
  await expectStatus(200, maya('PUT', `/v1/apps/${slug}/rules`, rules))
  await company.running.world.settle()
  const { address, issuer } = company.running
  const token = await attest(company, slug)
  const send = async (path: string, init: RequestInit): Promise<Reply> => {
    const answer = await fetch(`${address}${path}`, init)
    const text = await answer.text()
    let body: unknown = text
    try {
      body = JSON.parse(text)
    } catch {
      // Told as it came: the case that wanted JSON fails on it.
    }
    return { status: answer.status, headers: answer.headers, body }
  }
  return {
    base: `${issuer}/apps/${slug}`,
    get: path => send(path, { headers: { authorization: `Bearer ${token}` } }),
    post: (what, body, headers = {}) =>
      send(`/apps/${slug}/access/v1/${what}`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': 'application/json',
          ...headers,
        },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
  }
}

const user = (id: string, properties?: object) => ({ type: 'user', id, ...facts(properties) })
const record = (id: string, properties?: object) => ({ type: 'record', id, ...facts(properties) })
const act = (name: string, properties?: object) => ({ name, ...facts(properties) })
const facts = (properties?: object) => (properties === undefined ? {} : { properties })
const [alice, bob, one, two] = [user('alice'), user('bob'), record('record-1'), record('record-2')]
const archived = record('record-2', { status: 'archived' })
const readOne = { subject: alice, action: act('read'), resource: one }

async function scenario(asker: Asker, tell: Tell): Promise<void> {
  await decisions(asker, tell)
  await refusals(asker, tell)
  await headers(asker, tell)
  await batches(asker, tell)
  await searches(asker, tell)
  await metadata(asker, tell)
}

async function decisions({ post }: Asker, tell: Tell): Promise<void> {
  const admin = user('bob', { role: 'admin' })
  const many = user('alice', { department: 'Sales', role: 'manager' })
  const cases: [string, object, boolean][] = [
    ['alice reads record-1', readOne, true],
    ['alice writes record-1', { ...readOne, action: act('write') }, true],
    ['bob reads record-1', { ...readOne, subject: bob }, true],
    ['bob writes record-1', { ...readOne, subject: bob, action: act('write') }, false],
    ['a context changes nothing', { ...readOne, context: { time: 'now', ip: '192.0.2.1' } }, true],
    [
      'alice writes what is archived',
      { subject: alice, action: act('write'), resource: archived },
      false,
    ],
    [
      'an admin writes what is archived',
      { subject: admin, action: act('write'), resource: archived },
      true,
    ],
    ['alice deletes softly', { ...readOne, action: act('delete', { soft: true }) }, true],
    ['alice deletes for good', { ...readOne, action: act('delete', { soft: false }) }, false],
    [
      'facts nobody asked for',
      {
        subject: many,
        action: act('read', { method: 'GET' }),
        resource: record('record-1', { owner: 'bob' }),
      },
      true,
    ],
    ['members nobody knows', { ...readOne, foo: 'bar', later: { nested: true } }, true],
  ]
  for (const [name, body, wanted] of cases) {
    const { status, headers: sent, body: said } = await post('evaluation', body)
    const isJson = sent.get('content-type')?.startsWith('application/json') === true
    tell(name, status === 200 && isJson && said.decision === wanted, `${status}`)
  }
  const again = await Promise.all([1, 2, 3].map(() => post('evaluation', readOne)))
  tell(
    'asked again, the same answer',
    again.every(({ body }) => body.decision === true),
  )
}

async function refusals({ post }: Asker, tell: Tell): Promise<void> {
  const without = (name: string) =>
    Object.fromEntries(Object.entries(readOne).filter(([key]) => key !== name))
  const bodies: [string, unknown][] = [
    ...['subject', 'action', 'resource'].map((name): [string, unknown] => [
      `no ${name}`,
      without(name),
    ]),
    ['a subject without a type', { ...readOne, subject: { id: 'alice' } }],
    ['a subject without an id', { ...readOne, subject: { type: 'user' } }],
    ['an action without a name', { ...readOne, action: {} }],
    ['a resource without a type', { ...readOne, resource: { id: 'record-1' } }],
    ['a resource without an id', { ...readOne, resource: { type: 'record' } }],
    ['a subject that is a text', { ...readOne, subject: 'alice' }],
    ['an action whose name is a number', { ...readOne, action: { name: 123 } }],
    ['what is no JSON', '{"subject":'],
    ['nothing', ''],
  ]
  for (const [name, body] of bodies) {
    const { status } = await post('evaluation', body)
    tell(`${name} is refused`, status === 400, `${status}`)
  }
  const plain = await post('evaluation', readOne, { 'content-type': 'text/plain' })
  tell('another type of body is refused', plain.status === 400, `${plain.status}`)
}

async function headers({ post }: Asker, tell: Tell): Promise<void> {
  const named = await post('evaluation', readOne, { 'x-request-id': 'case-7' })
  tell('the name of a request comes back', named.headers.get('x-request-id') === 'case-7')
  const wrong = await post('evaluation', {}, { 'x-request-id': 'case-8' })
  tell('also with a refusal', wrong.headers.get('x-request-id') === 'case-8')
  tell('and is not needed', (await post('evaluation', readOne)).status === 200)
}

async function batches({ post }: Asker, tell: Tell): Promise<void> {
  const write = act('write')
  const active = record('record-1', { status: 'active' })
  const cases: [string, object, (boolean | null)[]][] = [
    [
      'two records',
      { subject: alice, action: act('read'), evaluations: [{ resource: one }, { resource: two }] },
      [true, null],
    ],
    [
      'two actions, in their order',
      { subject: bob, resource: one, evaluations: [{ action: act('read') }, { action: write }] },
      [true, false],
    ],
    [
      'facts of each',
      {
        subject: alice,
        action: write,
        evaluations: [{ resource: active }, { resource: archived }],
      },
      [true, false],
    ],
    [
      'subjects with facts',
      {
        action: write,
        resource: archived,
        evaluations: [{ subject: alice }, { subject: user('bob', { role: 'admin' }) }],
      },
      [false, true],
    ],
    [
      'without defaults',
      { evaluations: [readOne, { subject: bob, action: write, resource: one }] },
      [true, false],
    ],
    [
      'a context of its own',
      {
        subject: alice,
        action: act('read'),
        context: { time: 'now' },
        evaluations: [{ resource: one }, { resource: two, context: { source: 'x' } }],
      },
      [true, null],
    ],
    [
      'a default that only names the type',
      {
        subject: alice,
        action: write,
        resource: { type: 'record' },
        evaluations: [
          { resource: { id: 'record-1', properties: { status: 'active' } } },
          { resource: archived },
        ],
      },
      [true, false],
    ],
    [
      'one that lacks its resource',
      { subject: alice, action: act('read'), evaluations: [{ resource: one }, {}] },
      [true, false],
    ],
    [
      'up to the first no',
      {
        subject: bob,
        resource: one,
        options: { evaluations_semantic: 'deny_on_first_deny' },
        evaluations: [{ action: write }, { action: act('read') }],
      },
      [false],
    ],
    [
      'up to the first yes',
      {
        subject: bob,
        resource: one,
        options: { evaluations_semantic: 'permit_on_first_permit' },
        evaluations: [{ action: write }, { action: act('read') }, { action: write }],
      },
      [false, true],
    ],
  ]
  for (const [name, body, wanted] of cases) {
    const { status, body: said } = await post('evaluations', body)
    const got: unknown[] = (said.evaluations ?? []).map(
      (each: { decision: unknown }) => each.decision,
    )
    const isRight =
      got.length === wanted.length &&
      got.every(
        (each, nth) => typeof each === 'boolean' && (wanted[nth] === null || each === wanted[nth]),
      )
    tell(`at once: ${name}`, status === 200 && isRight, `${status} ${JSON.stringify(got)}`)
  }
  for (const more of [{}, { evaluations: [] }]) {
    const { body } = await post('evaluations', { ...readOne, ...more })
    tell('at once: none is one', body.decision === true && body.evaluations === undefined)
  }
}

async function searches({ post }: Asker, tell: Tell): Promise<void> {
  const admin = user('bob', { role: 'admin' })
  const cases: [string, string, object, object[]][] = [
    [
      'who reads record-1',
      'subject',
      { subject: { type: 'user' }, action: act('read'), resource: one },
      [alice, bob],
    ],
    [
      'with a context',
      'subject',
      { subject: { type: 'user' }, action: act('read'), resource: one, context: { time: 'now' } },
      [alice, bob],
    ],
    [
      'who writes what is archived',
      'subject',
      { subject: { type: 'user' }, action: act('write'), resource: archived },
      [bob],
    ],
    [
      'what alice reads',
      'resource',
      { subject: alice, action: act('read'), resource: { type: 'record' } },
      [one],
    ],
    [
      'what an admin writes',
      'resource',
      { subject: admin, action: act('write'), resource: { type: 'record' } },
      [two],
    ],
    ['what alice may do', 'action', { subject: alice, resource: one }, [act('read'), act('write')]],
    [
      'what an admin may do',
      'action',
      { subject: admin, resource: archived, context: { time: 'now' } },
      [act('write')],
    ],
    ['somebody nobody knows', 'action', { subject: user('nobody'), resource: one }, []],
    [
      'a type nobody knows',
      'subject',
      { subject: { type: 'spaceship' }, action: act('read'), resource: one },
      [],
    ],
  ]
  for (const [name, what, body, least] of cases) {
    const { status, body: said } = await post(`search/${what}`, body)
    const found: unknown[] = Array.isArray(said.results) ? said.results : []
    const has = (wanted: object) =>
      found.some(each => JSON.stringify(each) === JSON.stringify(wanted))
    const isRight = least.length === 0 ? found.length === 0 : least.every(has)
    tell(
      `search: ${name}`,
      status === 200 && Array.isArray(said.results) && isRight,
      JSON.stringify(found),
    )
  }
  const paged = {
    subject: { type: 'user' },
    action: act('read'),
    resource: one,
    page: { limit: 1 },
  }
  const first = (await post('search/subject', paged)).body
  const token: unknown = first.page?.next_token
  const isFirst = first.results?.length === 1 && typeof token === 'string' && token !== ''
  tell('search: a page', isFirst)
  const second = (await post('search/subject', { ...paged, page: { token } })).body
  tell('search: the page after', second.results?.length === 1 && second.page?.next_token === '')
  const lacking: [string, object][] = [
    ['subject', { subject: { type: 'user' }, resource: one }],
    ['resource', { action: act('read'), resource: { type: 'record' } }],
    ['action', { subject: alice }],
    ['subject', { subject: { type: 'user' }, action: act('read'), resource: { type: 'record' } }],
    ['resource', { subject: { type: 'user' }, action: act('read'), resource: { type: 'record' } }],
  ]
  for (const [what, body] of lacking) {
    const { status } = await post(`search/${what}`, body)
    tell(`search for a ${what} without what it needs is refused`, status === 400, `${status}`)
  }
}

async function metadata({ get, base }: Asker, tell: Tell): Promise<void> {
  const path = new URL(base).pathname
  const { status, headers: sent, body } = await get(`/.well-known/authzen-configuration${path}`)
  const isJson = sent.get('content-type')?.startsWith('application/json') === true
  tell('metadata: is there', status === 200 && isJson)
  tell('metadata: names what it is of', body.policy_decision_point === base)
  const places = {
    access_evaluation_endpoint: 'evaluation',
    access_evaluations_endpoint: 'evaluations',
    search_subject_endpoint: 'search/subject',
    search_resource_endpoint: 'search/resource',
    search_action_endpoint: 'search/action',
  }
  for (const [name, what] of Object.entries(places))
    tell(`metadata: ${name}`, body[name] === `${base}/access/v1/${what}`)
}

interface Vectors {
  readonly evaluation: readonly { readonly request: object; readonly expected: boolean }[]
  readonly evaluations: readonly {
    readonly request: object
    readonly expected: readonly { readonly decision: boolean }[]
  }[]
}

async function playVectors({ post }: Asker, vectors: Vectors, tell: Tell): Promise<void> {
  for (const [nth, { request, expected }] of vectors.evaluation.entries()) {
    const { body } = await post('evaluation', request)
    tell(`vector ${nth + 1}`, body.decision === expected, JSON.stringify(request))
  }
  for (const [nth, { request, expected }] of vectors.evaluations.entries()) {
    const { body } = await post('evaluations', request)
    const got = (body.evaluations ?? []).map(({ decision }: { decision: unknown }) => ({
      decision,
    }))
    const isRight = JSON.stringify(got) === JSON.stringify(expected)
    tell(`vector of many ${nth + 1}`, isRight, JSON.stringify(request))
  }
}
