/** A server with the sign-in pages and OAuth endpoints alone, on loopback, with a company beside it. */
import { generateKeyPairSync } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { calculateJwkThumbprint, type JSONWebKeySet, type JWK } from 'jose'
import { systemId } from '../../src/core/base/ids.ts'
import { forwardOnly, systemClock } from '../../src/core/base/time.ts'
import type { LedgerWorld } from '../../src/core/ledger/record.ts'
import { Replica } from '../../src/core/ledger/replica.ts'
import { genesis } from '../../src/core/people/genesis.ts'
import type { PersonRow } from '../../src/core/people/rows.ts'
import type { Store } from '../../src/core/store/store.ts'
import type { WorkloadEndpoints } from '../../src/doors/api/oauth/endpoints.ts'
import { mountOauth, type OauthWorld } from '../../src/doors/api/oauth/mount.ts'
import type { TokenSigner } from '../../src/life/sign-in/authorization-server.ts'
import { companySignIn } from '../../src/life/sign-in/company.ts'
import { makeLink } from '../../src/life/sign-in/link.ts'
import { type CompanyProviderFake, startCompanyProvider } from '../fakes/company-provider.ts'
import { type Browser, openBrowser, type Page } from './browser.ts'
import { memoryStore } from './store.ts'

export interface TestKeys {
  readonly signer: () => TokenSigner
  readonly tokenJwks: () => JSONWebKeySet
  /** A new key signs from now on; what the old one signed verifies on. */
  rotate(): Promise<void>
}

export interface OauthServer {
  readonly origin: string
  readonly world: OauthWorld
  readonly keys: TestKeys
  readonly company: CompanyProviderFake
  /** Local, has the role platform. */
  readonly first: PersonRow
  readonly warnings: string[]
  link(): Promise<string>
  stop(): Promise<void>
}

export const demoPeople = [
  { sub: 'maya', name: 'Maya Ortiz', email: 'maya@example.com' },
  { sub: 'tom', name: 'Tom Reyes', email: 'tom@example.com' },
  { sub: 'ines', name: 'Ines Roth', email: 'ines@example.com' },
  { sub: 'lee', name: 'Lee Park', email: 'lee@example.com' },
]

const noWorkloads: WorkloadEndpoints = {
  exchange: async () => ({ status: 400, body: { error: 'invalid_grant' } }),
  introspect: async () => undefined,
  revoke: async () => undefined,
}

export async function startOauthServer(
  options: { store?: Store; workloads?: Partial<WorkloadEndpoints> } = {},
): Promise<OauthServer> {
  const company = await startCompanyProvider(demoPeople)
  const { server, origin, serve } = await listen()
  const keys = await testKeys()
  const warnings: string[] = []
  const ledger: LedgerWorld = {
    store: options.store ?? (await memoryStore()),
    clock: forwardOnly(systemClock),
    replica: new Replica(),
    poke: () => {},
  }
  const world: OauthWorld = {
    ...ledger,
    ...noWorkloads,
    ...options.workloads,
    issuer: origin,
    apiAudience: `${origin}/v1`,
    hosts: [new URL(origin).host, new URL(origin).host.replace('localhost', '127.0.0.1')],
    signer: keys.signer,
    tokenJwks: keys.tokenJwks,
    federation: { discovery: () => ({}), jwks: () => ({ keys: [] }), turn: async () => {} },
    warn: text => warnings.push(text),
    documents: new Set(),
    letIn: async () => undefined,
    company: companySignIn(ledger, {
      name: 'Example',
      issuer: company.issuer,
      clientId: company.clientId,
      redirectUri: `${origin}/sign-in/callback`,
      allowLoopbackHttp: true,
    }),
  }
  const { person } = await genesis(ledger, {
    installationName: 'Example',
    trustDomain: 'example.com',
    mode: 'team',
    person: { name: 'Sam' },
  })
  serve(mountOauth(world))
  return {
    origin,
    world,
    keys,
    company,
    first: person,
    warnings,
    link: async () => {
      const { secret } = await makeLink(world, systemId('genesis'), { personId: person.id })
      return `${origin}/?t=${secret}`
    },
    stop: async () => {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
      await company.stop()
      if (options.store === undefined) await ledger.store.close()
    },
  }
}

/** A browser in which this person of the company is signed in. */
export async function browserOf(server: OauthServer, sub: string): Promise<Browser> {
  const browser = openBrowser()
  const page = await browser.get(`${server.origin}/sign-in/company?login_hint=${sub}`)
  if (!page.text.includes('● signed in')) throw new Error(`${sub} is not signed in: ${page.text}`)
  return browser
}

/** What the person does while the command line waits. */
export async function answerDevice(
  browser: Browser,
  verificationUri: string,
  says: 'yes' | 'no' = 'yes',
): Promise<Page> {
  return browser.submit(await browser.get(verificationUri), '/d', { says })
}

type Mount = ReturnType<typeof mountOauth>

async function listen(): Promise<{
  server: Server
  origin: string
  serve: (mount: Mount) => void
}> {
  let mount: Mount | undefined
  const server = createServer((req, res) => {
    mount?.(req, res)
      .then(isOurs => {
        if (!isOurs) res.writeHead(404).end()
      })
      // Who asked may be gone before it has said everything: nobody is left to answer.
      .catch(() => res.destroy())
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const origin = `http://localhost:${(server.address() as AddressInfo).port}`
  return { server, origin, serve: given => void (mount = given) }
}

export async function testKeys(): Promise<TestKeys> {
  const all: { signer: TokenSigner; jwk: JWK }[] = []
  const rotate = async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const jwk = publicKey.export({ format: 'jwk' }) as JWK
    const kid = await calculateJwkThumbprint(jwk)
    const signer: TokenSigner = { kid, alg: 'ES256', privateKey }
    all.unshift({ signer, jwk: { ...jwk, kid, alg: 'ES256', use: 'sig' } })
  }
  await rotate()
  return {
    rotate,
    tokenJwks: () => ({ keys: all.map(each => each.jwk) }),
    signer: () => {
      const newest = all[0]
      if (newest === undefined) throw new Error('there is a key')
      return newest.signer
    },
  }
}
