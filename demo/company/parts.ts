/**
 * The parts of the pretend company: a real PostgreSQL, the server with an embedded database, and pretend systems
 * that stand for the others; all at the company's time. Everything is new at each start.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { readConfig } from '../../src/config.ts'
import { type Running, startServer } from '../../src/main.ts'
import {
  type CompanyProviderFake,
  startCompanyProvider,
} from '../../test/fakes/company-provider.ts'
import { type FakeGithub, startFakeGithub } from '../../test/fakes/github.ts'
import {
  type GithubIssuer,
  githubClaims,
  startGithubIssuer,
} from '../../test/fakes/github-issuer.ts'
import { type RunningPostgres, startPostgres } from '../../test/fakes/postgres.ts'
import { startWebTarget, type WebTarget } from '../../test/fakes/web-target.ts'
import { type Crm, makeCrm } from '../crm.ts'
import type { Progress } from '../parts.ts'
import type { CompanyClock } from './clock.ts'
import type { Plan } from './plan.ts'
import { type Shifted, startShifted } from './shifted.ts'

export const banner = 'Pretend company. Nothing here is real.'
const clone = dirname(dirname(import.meta.dirname))

export interface CompanyParts {
  readonly plan: Plan
  readonly clock: CompanyClock
  readonly running: Running
  readonly issuer: string
  readonly address: string
  readonly postgres: RunningPostgres
  /** The same PostgreSQL, whose clock is the company's. */
  readonly shifted: Shifted
  readonly crm: Crm
  readonly provider: CompanyProviderFake
  readonly ci: GithubIssuer
  readonly github: FakeGithub
  readonly desk: WebTarget
  readonly visits: WebTarget
  /** Where the server keeps what it has: not the database it makes leases at. */
  readonly own: RunningPostgres
  /** The server alone; all else goes on. */
  stopServer(): Promise<void>
  /** A file in the company's own folder. */
  file(path: string): string
  stop(): Promise<void>
}

export interface Start {
  readonly plan: Plan
  readonly clock: CompanyClock
  readonly port: number
  /** In the clone; without it in a folder that is thrown away. */
  readonly isKept: boolean
}

export async function startCompany(start: Start, progress: Progress): Promise<CompanyParts> {
  const { plan, clock } = start
  const folder = start.isKept
    ? join(clone, '.leasehold', 'company')
    : await mkdtemp(join(tmpdir(), 'leasehold-company-'))
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const stops: (() => unknown)[] = [
    clock.restore,
    () => rm(folder, { recursive: true, force: true }),
  ]
  const stop = async () => {
    for (const each of stops.splice(0).reverse()) await Promise.resolve(each()).catch(() => {})
  }
  const opened = async <T>(thing: Promise<T>, close: (thing: T) => unknown): Promise<T> => {
    const known = await thing
    stops.push(() => close(known))
    return known
  }
  try {
    const from = performance.now()
    const [postgres, own, provider, ci, github, desk, visits] = await Promise.all([
      opened(startPostgres({ fsync: false }), each => each.stop()),
      opened(startPostgres({ fsync: false }), each => each.stop()),
      opened(startCompanyProvider(plan.people), each => each.stop()),
      opened(startGithubIssuer(), each => each.stop()),
      opened(startFakeGithub(clock), each => each.close()),
      opened(startWebTarget(randomBytes(20).toString('base64url')), each => each.close()),
      opened(startWebTarget(randomBytes(20).toString('base64url')), each => each.close()),
    ])
    const shifted = await opened(startShifted(postgres, clock.behindMs), each => each.stop())
    const crm = await makeCrm(postgres)
    progress('a real PostgreSQL 18, and pretend systems', (performance.now() - from) / 1000)
    const then = performance.now()
    const config = configOf(folder, start.port, { provider, ci, own })
    const running = await startServer(config, { firstPerson: 'Sam Okafor', clock })
    let stopped: Promise<void> | undefined
    const stopServer = () => (stopped ??= running.stop())
    stops.push(stopServer)
    progress('Leasehold, empty log', (performance.now() - then) / 1000)
    const { issuer, address } = running
    const systems = { postgres, own, shifted, crm, provider, ci, github, desk, visits }
    const file = (path: string) => join(folder, path)
    return { plan, clock, running, issuer, address, ...systems, file, stopServer, stop }
  } catch (thrown) {
    await stop()
    throw thrown
  }
}

function configOf(
  folder: string,
  port: number,
  { provider, ci, own }: { provider: CompanyProviderFake; ci: GithubIssuer; own: RunningPostgres },
) {
  return readConfig({
    LEASEHOLD_HOME: folder,
    LEASEHOLD_PORT: String(port),
    DATABASE_URL: own.url('postgres'),
    LEASEHOLD_MODE: 'team',
    // Pages show it beside our own name.
    LEASEHOLD_NAME: 'Acme (pretend company)',
    LEASEHOLD_TRUST_DOMAIN: 'acme.example',
    LEASEHOLD_COMPANY_ISSUER: provider.issuer,
    LEASEHOLD_COMPANY_CLIENT_ID: provider.clientId,
    LEASEHOLD_CI_ISSUERS: ci.issuer,
    LEASEHOLD_LOOPBACK_ISSUERS: `${ci.issuer} ${provider.issuer}`,
  })
}

/** A token of a run of this repository, as its workflow gets one. */
export function ciToken(
  { ci, issuer, clock }: Pick<CompanyParts, 'ci' | 'issuer' | 'clock'>,
  claims: Record<string, unknown>,
): Promise<string> {
  const seconds = Math.floor(Date.parse(clock.now()) / 1000)
  return ci.issue({ ...githubClaims(issuer, seconds), ...claims })
}
