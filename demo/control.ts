/**
 * What `demo thief`, `demo liar` and the stories of the pretend company ask for: a small server on loopback
 * that holds the thief's copies and the lying database. Not part of the product; each call carries a word only this clone knows.
 */
import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import type { DemoAnswer } from '../cli/src/demo-control.ts'
import { equalInConstantTime } from '../src/core/base/hash.ts'
import type {
  IssuedLeaseView,
  LeaseView,
  OffboardingView,
  RequestView,
} from '../src/doors/api/contract.ts'
import { exchangeToken, Refused } from './client.ts'
import type { Parts } from './parts.ts'
import { type LiarAnswer, showLiar, showThief, type ThiefAnswer } from './shown.ts'
import { readDeals, type Stolen, throughGateway, writeCertificate } from './story.ts'

export interface Control {
  readonly url: string
  readonly word: string
  stop(): Promise<void>
}

/** What is asked by its name, `/thief`, with what was said beside it. */
export type Story = (said: { readonly honest?: unknown }) => Promise<DemoAnswer>

export function startControl(parts: Parts): Promise<Control> {
  return openControl(
    {
      thief: async () => showThief(await thief(parts)),
      liar: async ({ honest }) => showLiar(await liar(parts, honest === true)),
    },
    'leak, drift, leave and ask are stories of the pretend company: npm run demo -- company',
  )
}

/** `others`: where a story is that is not here. */
export async function openControl(
  stories: Readonly<Record<string, Story>>,
  others: string,
): Promise<Control> {
  const word = randomBytes(24).toString('base64url')
  const server = createServer((req, res) => {
    void answer({ stories, word }, req).then(
      body => res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body)),
      (thrown: Error) =>
        res
          .writeHead(400, { 'content-type': 'application/problem+json' })
          .end(JSON.stringify({ code: 'bad-request', detail: thrown.message, next: others })),
    )
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const address = server.address()
  if (address === null || typeof address === 'string')
    throw new Error('the control server has no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    word,
    stop: () => new Promise(done => server.close(() => done())),
  }
}

interface Known {
  readonly stories: Readonly<Record<string, Story>>
  readonly word: string
}

async function answer({ stories, word }: Known, req: IncomingMessage): Promise<DemoAnswer> {
  if (!equalInConstantTime(req.headers.authorization ?? '', `Bearer ${word}`))
    throw new Error('not for you')
  const name = (req.url ?? '').slice(1)
  const story = req.method === 'POST' && Object.hasOwn(stories, name) ? stories[name] : undefined
  if (story === undefined) throw new Error('There is no such story here.')
  return story(await readJson(req))
}

async function readJson(req: IncomingMessage): Promise<{ honest?: unknown }> {
  let text = ''
  for await (const chunk of req) {
    text += String(chunk)
    if (text.length > 1_000) throw new Error('too long')
  }
  return text === '' ? {} : (JSON.parse(text) as { honest?: unknown })
}

const stolenFile = '.leasehold/stolen.json'

/** 0600, and worth nothing: everything in it is dead before anybody reads it. */
export async function keepStolen(parts: Parts, stolen: Stolen): Promise<void> {
  await writeFile(parts.file(stolenFile), JSON.stringify(stolen), { mode: 0o600 })
}

async function thief(parts: Parts): Promise<ThiefAnswer> {
  const stolen = JSON.parse(await readFile(parts.file(stolenFile), 'utf8')) as Stolen
  const tries = [
    await attempt('gateway', async () => {
      await throughGateway(parts, stolen, stolen.taskToken)
      return 'it let the thief in'
    }),
    await attempt('PostgreSQL', async () => {
      const { host, port } = parts.postgres
      await readDeals({ ...stolen, host, port })
      return 'it let the thief in'
    }),
    await attempt('task token', async () => {
      await parts.as(stolen.taskToken).get('/v1/me')
      return 'it was accepted'
    }),
    await attempt('CI token again', async () => {
      const again = await exchangeToken(parts.address, stolen.ciToken, {
        scope: 'stuck-deals',
        identity: 'deal-desk/run',
      })
      if (again.ok) return 'it was accepted'
      throw new Error(String(again.body.error_description ?? again.body.error))
    }),
  ]
  return {
    app: 'deal-desk',
    lease: stolen.lease,
    tries,
    aliveSeconds: (Date.parse(stolen.aliveTo) - Date.parse(stolen.aliveFrom)) / 1000,
    certificate: 'demo/deal-desk.end.json',
  }
}

async function attempt(
  what: string,
  run: () => Promise<string>,
): Promise<ThiefAnswer['tries'][number]> {
  try {
    return { what, refused: false, says: await run() }
  } catch (thrown) {
    if (thrown instanceof Refused) return { what, refused: true, says: thrown.problem.detail }
    return { what, refused: true, says: thrown instanceof Error ? thrown.message : String(thrown) }
  }
}

const app = 'invoice-bot'
const certificate = `demo/${app}.end.json`

/** The same steps as ever, at a database that says "dropped" and drops nothing, until it is told to be honest. */
async function liar(parts: Parts, honest: boolean): Promise<LiarAnswer> {
  parts.liar.honest = true
  const exists = await parts.sam.client.get(`/v1/apps/${app}`).then(
    () => true,
    () => false,
  )
  if (!exists) await makeInvoiceBot(parts)
  parts.liar.honest = honest
  const { maya } = parts
  const plan = await maya.client.post<OffboardingView>(`/v1/apps/${app}/end`, {})
  const end = plan.state === 'verified-gone' ? plan : await endNow(parts, plan, honest)
  await writeCertificate(parts, app, certificate)
  const { items } = await maya.client.get<{ items: LeaseView[] }>(`/v1/leases?app=${app}`)
  const lease = items[0]
  const item = end.items.find(each => each.kind === 'lease')
  const isGone = item?.state === 'verified-gone'
  return {
    app,
    lease: lease?.shortId ?? '',
    steps: [
      { what: 'ended', ok: true, says: 'the database said: dropped' },
      {
        what: 'looked again',
        ok: isGone,
        says: isGone ? 'the role is not there' : 'the role is still there',
      },
      { what: 'tried the key', ok: isGone, says: isGone ? 'refused' : 'it still works' },
    ],
    state: end.state === 'verified-gone' ? 'verified-gone' : 'not-green',
    green: end.green,
    of: end.of,
    certificate,
    nextTries: nextTries(end.nextTryAt, end.state),
  }
}

/** A look that began before the database changed its ways is not the answer: ask again then. */
async function endNow(
  { maya }: Parts,
  plan: OffboardingView,
  honest: boolean,
): Promise<OffboardingView> {
  for (let tries = 0; ; tries++) {
    const end = await maya.client.post<OffboardingView>(`/v1/apps/${app}/end`, {
      planHash: plan.planHash,
    })
    if (!honest || end.state === 'verified-gone' || tries === 10) return end
    await wait(500)
  }
}

async function makeInvoiceBot(parts: Parts): Promise<void> {
  const { maya, tom, github } = parts
  await maya.client.post('/v1/apps', {
    slug: app,
    purpose: 'sends the old invoices again',
    backup: 'tom@acme.example',
    days: 3,
    roles: ['run'],
  })
  await maya.client.put(`/v1/apps/${app}/manifest`, {
    yaml: `app: ${app}\npurposes:\n  resend:\n    says: Sends old invoices again\n    needs:\n      - resource: billing.invoices\n        actions: [read]\n`,
  })
  const workflow = `acme/${app}/.github/workflows/resend.yml@refs/heads/main`
  const claims = {
    repository_id: '1002',
    repository_owner_id: '4711',
    environment: 'crm',
    job_workflow_ref: workflow,
  }
  const trust = await maya.client.post<RequestView>(`/v1/apps/${app}/trust`, {
    role: 'run',
    preset: 'github',
    issuer: github.issuer,
    claims,
    reason: 'it runs from this repository',
  })
  const ask = await maya.client.post<RequestView>('/v1/requests', {
    app,
    resource: 'billing.invoices',
    actions: ['read'],
    reason: 'to send them again',
  })
  for (const request of [trust, ask])
    await tom.client.post(`/v1/requests/${request.id}/answer`, {
      says: 'yes',
      bodyHash: request.bodyHash,
    })
  const token = await exchangeToken(
    parts.address,
    await github.issue({
      repository_id: '1002',
      repository: `acme/${app}`,
      job_workflow_ref: workflow,
    }),
    { scope: 'resend', identity: `${app}/run` },
  )
  if (token.body.access_token === undefined) throw new Error(String(token.body.error_description))
  await parts.as(token.body.access_token).post<IssuedLeaseView>('/v1/leases', {
    resource: 'billing.invoices',
    actions: ['read'],
  })
}

/** As the retries are planned: each twice as long after the one before. */
function nextTries(first: string | null, state: string): string[] {
  if (first === null || state === 'verified-gone') return []
  const at = Date.parse(first)
  return [0, 2_000, 6_000].map(ms => new Date(at + ms).toISOString())
}
