/**
 * The parts of the demo: a real PostgreSQL, a pretend GitHub and a pretend company provider that sign
 * as the real ones do, and the server itself. In `folder` they are kept; without it they are gone after.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { readConfig } from '../src/config.ts'
import type { Clock } from '../src/core/base/time.ts'
import { type Running, startServer } from '../src/main.ts'
import { type CompanyPerson, startCompanyProvider } from '../test/fakes/company-provider.ts'
import { type GithubIssuer, githubClaims, startGithubIssuer } from '../test/fakes/github-issuer.ts'
import { type RunningPostgres, startPostgres } from '../test/fakes/postgres.ts'
import { type Client, clientOf } from './client.ts'
import { type Crm, dealColumns, hiddenColumns, makeCrm } from './crm.ts'
import { type Liar, startLiar } from './liar.ts'
import { company, type SignedIn, signInCompany, signInLink } from './people.ts'

const clone = dirname(import.meta.dirname)

export interface Parts {
  readonly issuer: string
  readonly address: string
  readonly postgres: RunningPostgres
  readonly github: DemoGithub
  readonly liar: Liar
  /** Platform; the first person of the installation. */
  sam: SignedIn
  readonly maya: SignedIn
  readonly tom: SignedIn
  /** A file of a changed policy, as `policy try` is given it. */
  readonly stricter: string
  readonly running: Running
  readonly isFirst: boolean
  as(token: string): Client
  /** Where a path people see is kept: in the clone, or in the folder that is thrown away. */
  file(path: string): string
  /** The day was told whole: the next start goes on from it. */
  keep(): Promise<void>
  stop(): Promise<void>
}

export interface DemoGithub {
  readonly issuer: string
  /** A token for us, as the workflow of the app's repository gets one. */
  issue(claims: Record<string, unknown>): Promise<string>
}

/** Told of each part when it is ready, with how long it took. */
export type Progress = (part: string, seconds: number) => void

interface Kept {
  readonly githubPort: number
  readonly companyPort: number
  readonly liarPort: number
}

export async function startParts(
  options: {
    kept: boolean
    port: number
    clock?: Clock
    people?: readonly CompanyPerson[]
    /** More of the server's settings. */
    env?: Readonly<Record<string, string>>
  },
  progress: Progress,
): Promise<Parts> {
  const folder = options.kept
    ? join(clone, '.leasehold', 'demo')
    : await mkdtemp(join(tmpdir(), 'leasehold-demo-'))
  const kept = await readKept(folder)
  // A first day that broke off left half of everything: it is begun again.
  if (kept === undefined) await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const stops: (() => Promise<unknown>)[] = options.kept
    ? []
    : [() => rm(folder, { recursive: true, force: true })]
  const stop = async () => {
    for (const each of stops.splice(0).reverse()) await each().catch(() => {})
  }
  try {
    const timed = stopwatch(progress)
    const postgres = await timed('a real PostgreSQL 18, with a small sales database "crm"', () =>
      startPostgres(options.kept ? { folder: join(folder, 'postgres') } : { fsync: false }),
    )
    stops.push(() => postgres.stop())
    const crm = kept === undefined ? await makeCrm(postgres) : undefined
    const issuers = await timed(
      'a pretend GitHub that signs CI tokens as GitHub Actions does',
      async () => {
        const github = await startGithubIssuer(kept === undefined ? {} : { port: kept.githubPort })
        stops.push(() => github.stop())
        const provider = await startCompanyProvider(
          [...company, ...(options.people ?? [])],
          kept?.companyPort ?? 0,
        )
        stops.push(() => provider.stop())
        return { github, provider }
      },
    )
    const liar = await startLiar(postgres, kept?.liarPort ?? 0)
    stops.push(() => liar.stop())
    const running = await timed(`Leasehold${kept === undefined ? ', empty log' : ''}`, () =>
      startServer(
        readConfig({
          LEASEHOLD_HOME: folder,
          LEASEHOLD_PORT: String(options.port),
          LEASEHOLD_MODE: 'team',
          LEASEHOLD_NAME: 'Acme (pretend)',
          LEASEHOLD_TRUST_DOMAIN: 'acme.example',
          LEASEHOLD_COMPANY_ISSUER: issuers.provider.issuer,
          LEASEHOLD_COMPANY_CLIENT_ID: issuers.provider.clientId,
          LEASEHOLD_CI_ISSUERS: issuers.github.issuer,
          LEASEHOLD_LOOPBACK_ISSUERS: `${issuers.github.issuer} ${issuers.provider.issuer}`,
          ...options.env,
          ...(process.env.LEASEHOLD_DEMO_DATABASE_URL === undefined
            ? {}
            : { DATABASE_URL: process.env.LEASEHOLD_DEMO_DATABASE_URL }),
        }),
        { firstPerson: 'Sam Okafor', ...(options.clock && { clock: options.clock }) },
      ),
    )
    stops.push(() => running.stop())
    const { issuer, address } = running
    const [sam, maya, tom] = await Promise.all([
      signInLink(issuer, address, await running.signInLink()),
      signInCompany(issuer, address, 'maya'),
      signInCompany(issuer, address, 'tom'),
    ])
    const file = (path: string) => (options.kept ? join(clone, path) : join(folder, path))
    await mkdir(dirname(file('demo/x')), { recursive: true })
    const parts: Parts = {
      issuer,
      address,
      postgres,
      github: demoGithub(issuers.github, issuer),
      liar,
      sam,
      maya,
      tom,
      stricter: await readFile(join(clone, 'demo', 'stricter.cedar'), 'utf8'),
      running,
      isFirst: kept === undefined,
      keep: () =>
        writeKept(folder, {
          githubPort: portOf(issuers.github.issuer),
          companyPort: portOf(issuers.provider.issuer),
          liarPort: liar.port,
        }),
      as: token => clientOf(address, token),
      file,
      stop,
    }
    if (crm !== undefined) {
      await connectCrm(parts, crm)
    }
    return parts
  } catch (thrown) {
    await stop()
    throw thrown
  }
}

/** The platform engineer's half hour: the database connected twice (once through the liar), and what is in it named. */
async function connectCrm({ sam, liar }: Parts, crm: Crm): Promise<void> {
  const { host, port, database, user, password, probe } = crm
  liar.honest = true
  for (const [slug, at] of [
    ['crm', port],
    ['old-billing', liar.port],
  ] as const)
    await sam.client.post('/v1/targets', {
      slug,
      connector: 'postgres',
      config: { host, port: at, database, user, password, probe },
      production: false,
    })
  const object = (table: string) => ({ database, schema: 'public', table })
  const define = (slug: string, target: string, table: string, more: Record<string, unknown>) =>
    sam.client.post('/v1/resources', {
      slug,
      target,
      object: object(table),
      dataOwner: 'tom@acme.example',
      ...more,
    })
  const contact = (dataClass: string) =>
    ['id', 'name', 'email', 'phone'].map(name => ({ name, class: dataClass, hidden: false }))
  await define('crm.deals', 'crm', 'deals', {
    dataClass: 'internal',
    columns: dealColumns.map(name => ({
      name,
      class: hiddenColumns.includes(name) ? 'customer' : 'internal',
      hidden: hiddenColumns.includes(name),
    })),
  })
  await define('crm.sandbox-contacts', 'crm', 'sandbox_contacts', {
    dataClass: 'internal',
    isSandbox: true,
    columns: contact('internal'),
  })
  await define('crm.contacts', 'crm', 'contacts', {
    dataClass: 'customer',
    sandboxTwin: 'crm.sandbox-contacts',
    columns: contact('customer'),
  })
  await define('billing.invoices', 'old-billing', 'invoices', {
    dataClass: 'internal',
    columns: ['id', 'account', 'amount'].map(name => ({ name, class: 'internal', hidden: false })),
  })
}

function demoGithub(github: GithubIssuer, audience: string): DemoGithub {
  return {
    issuer: github.issuer,
    issue: claims =>
      github.issue({ ...githubClaims(audience, Math.floor(Date.now() / 1000)), ...claims }),
  }
}

function stopwatch(progress: Progress) {
  return async <T>(part: string, run: () => Promise<T>): Promise<T> => {
    const from = performance.now()
    const value = await run()
    progress(part, (performance.now() - from) / 1000)
    return value
  }
}

async function readKept(folder: string): Promise<Kept | undefined> {
  try {
    return JSON.parse(await readFile(join(folder, 'demo-state.json'), 'utf8')) as Kept
  } catch {
    return undefined
  }
}

async function writeKept(folder: string, kept: Kept): Promise<void> {
  await writeFile(join(folder, 'demo-state.json'), JSON.stringify(kept), { mode: 0o600 })
}

function portOf(issuer: string): number {
  return Number(new URL(issuer).port)
}
