/** The rig of the crash test: a target, a store, issuers, and a server that can be killed and started again. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type Client, clientOf, exchangeToken } from '../../demo/client.ts'
import { makeCrm } from '../../demo/crm.ts'
import { company, type SignedIn, signInCompany, signInLink } from '../../demo/people.ts'
import type { RequestView } from '../../src/doors/api/contract.ts'
import { startCompanyProvider } from '../fakes/company-provider.ts'
import { githubClaims, startGithubIssuer } from '../fakes/github-issuer.ts'
import { type RunningPostgres, startPostgres } from '../fakes/postgres.ts'

export type StoreKind = 'embedded' | 'postgres'

export interface Rig {
  readonly home: string
  /** The target, whose own list is the judge. */
  readonly target: RunningPostgres
  /** Of the server's own database; null when it is embedded. */
  readonly databaseUrl: string | null
  readonly address: () => string
  /** A task token of a new run. Throws while the server is away. */
  newTask(run: number): Promise<Client>
  killServer(): Promise<void>
  killTarget(): Promise<void>
  stopServer(): Promise<void>
  sam(): Client
  stop(): Promise<void>
}

interface Ready {
  readonly issuer: string
  readonly address: string
  readonly link: string
}

export async function makeRig(kind: StoreKind): Promise<Rig> {
  const home = await mkdtemp(join(tmpdir(), 'leasehold-chaos-'))
  const target = await startPostgres({ fsync: false })
  const state = kind === 'postgres' ? await startPostgres({ fsync: true }) : undefined
  const github = await startGithubIssuer()
  const provider = await startCompanyProvider(company)
  const port = await freePort()
  const env = {
    ...process.env,
    LEASEHOLD_HOME: home,
    LEASEHOLD_PORT: String(port),
    LEASEHOLD_MODE: 'team',
    LEASEHOLD_TRUST_DOMAIN: 'acme.example',
    LEASEHOLD_COMPANY_ISSUER: provider.issuer,
    LEASEHOLD_COMPANY_CLIENT_ID: provider.clientId,
    LEASEHOLD_CI_ISSUERS: github.issuer,
    LEASEHOLD_LOOPBACK_ISSUERS: `${github.issuer} ${provider.issuer}`,
    ...(state === undefined ? {} : { DATABASE_URL: state.url('postgres') }),
  }
  let server = await startChild(env)
  const { issuer, address, link } = server.ready
  let sam = await signInLink(issuer, address, link)
  await furnish({ issuer, address, sam, github: github.issuer, target })
  return {
    home,
    target,
    databaseUrl: state === undefined ? null : state.url('postgres'),
    address: () => address,
    sam: () => sam.client,
    async newTask(run) {
      const claims = githubClaims(issuer, Math.floor(Date.now() / 1000))
      const ci = await github.issue({ ...claims, run_id: String(7_300_000_000 + run) })
      const { body } = await exchangeToken(address, ci, {
        scope: 'work',
        identity: 'chaos-app/run',
      })
      if (body.access_token === undefined)
        throw new Error(String(body.error_description ?? body.error))
      return clientOf(address, body.access_token)
    },
    async killServer() {
      server.child.kill('SIGKILL')
      await once(server.child, 'exit')
      server = await startChild(env)
      sam = await sam.renew().catch(() => sam)
    },
    async killTarget() {
      await target.kill9()
      await target.restart()
    },
    async stopServer() {
      server.child.stdin?.end()
      if (server.child.exitCode === null) await once(server.child, 'exit')
    },
    async stop() {
      if (server.child.exitCode === null) server.child.kill('SIGKILL')
      await Promise.allSettled([target.stop(), state?.stop(), github.stop(), provider.stop()])
      await rm(home, { recursive: true, force: true })
    },
  }
}

async function startChild(env: NodeJS.ProcessEnv): Promise<{ child: ChildProcess; ready: Ready }> {
  const child = spawn(
    process.execPath,
    ['--max-semi-space-size=4', join(import.meta.dirname, 'server.ts')],
    {
      env,
      stdio: ['pipe', 'pipe', process.env.LEASEHOLD_CHAOS_LOG === undefined ? 'ignore' : 'inherit'],
    },
  )
  const lines = createInterface({ input: child.stdout ?? process.stdin })
  const first = await Promise.race([
    once(lines, 'line').then(([line]) => String(line)),
    once(child, 'exit').then(([code, signal]) => {
      if (process.env.LEASEHOLD_CHAOS_LOG !== undefined)
        process.stderr.write(`exit ${code} ${signal}\n`)
      throw new Error(`the server ended at its start with ${String(code)}`)
    }),
  ])
  return { child, ready: JSON.parse(first) as Ready }
}

/** One app that may read one table, agreed as people agree. */
async function furnish(with_: {
  issuer: string
  address: string
  sam: SignedIn
  github: string
  target: RunningPostgres
}): Promise<void> {
  const { issuer, address, sam, target } = with_
  const crm = await makeCrm(target)
  const maya = await signInCompany(issuer, address, 'maya')
  const tom = await signInCompany(issuer, address, 'tom')
  const { host, port, database, user, password, probe } = crm
  await sam.client.post('/v1/targets', {
    slug: 'crm',
    connector: 'postgres',
    config: { host, port, database, user, password, probe },
    production: false,
  })
  await sam.client.post('/v1/resources', {
    slug: 'crm.deals',
    target: 'crm',
    object: { database, schema: 'public', table: 'deals' },
    dataOwner: 'tom@acme.example',
    dataClass: 'internal',
    columns: ['id', 'title', 'stage'].map(name => ({ name, class: 'internal', hidden: false })),
  })
  await maya.client.post('/v1/apps', {
    slug: 'chaos-app',
    purpose: 'is killed a lot',
    backup: 'tom@acme.example',
    days: 5,
    roles: ['run'],
  })
  await maya.client.put('/v1/apps/chaos-app/manifest', {
    yaml: 'app: chaos-app\npurposes:\n  work:\n    says: Reads deals\n    needs:\n      - resource: crm.deals\n        actions: [read]\n',
  })
  const claims = githubClaims(issuer, 0)
  const trust = await maya.client.post<RequestView>('/v1/apps/chaos-app/trust', {
    role: 'run',
    preset: 'github',
    issuer: with_.github,
    claims: {
      repository_id: claims.repository_id,
      repository_owner_id: claims.repository_owner_id,
      environment: claims.environment,
      job_workflow_ref: claims.job_workflow_ref,
    },
    reason: 'it runs from there',
  })
  const ask = await maya.client.post<RequestView>('/v1/requests', {
    app: 'chaos-app',
    resource: 'crm.deals',
    actions: ['read'],
    reason: 'to read',
  })
  for (const request of [trust, ask])
    await tom.client.post(`/v1/requests/${request.id}/answer`, {
      says: 'yes',
      bodyHash: request.bodyHash,
    })
}

async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>(done => probe.listen(0, '127.0.0.1', done))
  const address = probe.address()
  await new Promise<void>(done => probe.close(() => done()))
  if (address === null || typeof address === 'string') throw new Error('no free port')
  return address.port
}
