/**
 * A world in which a workload can prove who it is: an app with identities and trust rules, a pretend
 * GitHub that signs its tokens, and our own issuer of people's tokens.
 */
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { type JSONWebKeySet, type JWK, SignJWT } from 'jose'
import { type AppRow, appTable } from '../../src/core/app/rows.ts'
import { type IdentityId, newId, type PersonId, systemId } from '../../src/core/base/ids.ts'
import type { JsonObject } from '../../src/core/base/json.ts'
import { addMs, toSeconds } from '../../src/core/base/time.ts'
import { type AttestWorld, attest } from '../../src/core/identity/attest.ts'
import { makeIdentities } from '../../src/core/identity/identities.ts'
import { makeIssuerKeys } from '../../src/core/identity/jwks.ts'
import {
  type IdentityRow,
  type TrustPreset,
  type TrustRuleRow,
  trustRuleTable,
} from '../../src/core/identity/rows.ts'
import type { IdentityRole } from '../../src/core/identity/spiffe.ts'
import { anchorOf, proposeTrust } from '../../src/core/identity/trust.ts'
import { entryKind } from '../../src/core/ledger/kind.ts'
import { recorded } from '../../src/core/ledger/record.ts'
import type { Store } from '../../src/core/store/store.ts'
import { fetchJson } from '../../src/life/outbound/fetch.ts'
import { cliClientId } from '../../src/life/sign-in/authorization-server.ts'
import { verifyPersonToken } from '../../src/life/sign-in/person-token.ts'
import { insertOidcState } from '../../src/life/sign-in/rows.ts'
import { type GithubIssuer, githubClaims, startGithubIssuer } from '../fakes/github-issuer.ts'
import { testPermit } from './permit.ts'
import { person, type TestWorld, testWorld } from './world.ts'

export const ourIssuer = 'http://localhost:4400'
export const apiAudience = 'http://localhost:4400/v1'
/** What the pretend GitHub's tokens are for. */
export const audience = ourIssuer

export interface AttestedWorld extends TestWorld, AttestWorld {
  readonly github: GithubIssuer
  /** The key our own issuer signs with, people's tokens and task tokens alike. */
  readonly signer: () => { kid: string; alg: 'ES256'; privateKey: KeyObject }
  readonly tokenJwks: () => JSONWebKeySet
}

const testMade = entryKind('test.make', 'set up a test')

export async function attestedWorld(store?: Store): Promise<AttestedWorld> {
  const github = await startGithubIssuer()
  const world = await testWorld('team', store)
  const own = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwk = { ...own.publicKey.export({ format: 'jwk' }), kid: 'own', alg: 'ES256' } as JWK
  const tokenJwks = () => ({ keys: [jwk] })
  const people = { ...world, issuer: ourIssuer, apiAudience, tokenJwks }
  const issuerKeys = makeIssuerKeys(
    { ...world, fetch: fetchJson },
    {
      issuers: new Set([github.issuer]),
      allowedOrigins: new Set([github.issuer]),
    },
  )
  return {
    ...world,
    github,
    issuerKeys,
    issuer: ourIssuer,
    tokenJwks,
    signer: () => ({ kid: 'own', alg: 'ES256', privateKey: own.privateKey }),
    verifyPerson: token => verifyPersonToken(people, token),
  }
}

/** An active app with an owner and a backup who are there. */
export async function someApp(
  world: TestWorld,
  slug = 'deal-desk',
  more: Partial<AppRow> = {},
): Promise<AppRow> {
  const app: AppRow = {
    id: newId('app'),
    version: 1,
    slug,
    ownerId: more.ownerId ?? (await person(world, 'Maya')),
    backupId: more.backupId ?? (await person(world, 'Tom')),
    offeredTo: null,
    team: null,
    day: null,
    purpose: 'board of deals that are stuck',
    dataClasses: ['internal'],
    stage: 'prototype',
    state: 'active',
    endTrigger: 'date',
    endsAt: addMs(world.clock.now(), 5 * 24 * 3600_000),
    maxEndsAt: addMs(world.clock.now(), 30 * 24 * 3600_000),
    origin: null,
    watchedUntil: null,
    openTo: [],
    pausedBecause: null,
    orphanedAt: null,
    madeBy: world.first.id,
    madeAt: world.clock.now(),
    endedAt: null,
    ...more,
  }
  await recorded(world, async scope => {
    await scope.insert(appTable, app)
    scope.entry({ kind: testMade, by: systemId('genesis') })
  })
  return app
}

export async function changeApp(world: TestWorld, app: AppRow, more: Partial<AppRow>) {
  return recorded(world, async scope => {
    scope.entry({ kind: testMade, by: systemId('genesis') })
    return scope.save(appTable, app, { ...app, ...more })
  })
}

export async function identityOf(
  world: TestWorld,
  app: AppRow,
  role: IdentityRole = 'run',
): Promise<IdentityRow> {
  const permit = testPermit('app.make', world.first.id, app.id)
  const [identity] = await makeIdentities(world, permit, { appId: app.id, roles: [role] })
  if (identity === undefined) throw new Error('no identity was made')
  return identity
}

/** What a rule for the tokens of `githubClaims` asks for. */
export const githubRule = {
  repository_owner_id: '4711',
  repository_id: '1001',
  job_workflow_ref: 'acme/deal-desk/.github/workflows/refresh.yml@refs/heads/main',
  environment: 'crm',
} as const

/** A rule as it is once its request was agreed. */
export async function trusting(
  world: AttestedWorld,
  identityId: IdentityId,
  claims: JsonObject = githubRule,
  preset: TrustPreset = 'github',
): Promise<TrustRuleRow> {
  const issuer = preset === 'person' ? undefined : world.github.issuer
  const body = proposeTrust(world, { identityId, preset, issuer, claims })
  const rule: TrustRuleRow = {
    id: newId('trustRule'),
    version: 1,
    ...body,
    anchor: anchorOf(body),
    requestId: null,
    state: 'active',
    madeAt: world.clock.now(),
    endedAt: null,
  }
  await recorded(world, async scope => {
    await scope.insert(trustRuleTable, rule)
    scope.entry({ kind: testMade, by: systemId('genesis') })
  })
  return rule
}

/** A token of a run, now; `undefined` takes a claim away. */
export function ciToken(world: AttestedWorld, more: Record<string, unknown> = {}): Promise<string> {
  const claims = githubClaims(audience, toSeconds(world.clock.now()))
  return world.github.issue({ ...claims, ...more })
}

/** A token of a signed-in person, as the command line holds it. */
export async function personToken(
  world: AttestedWorld,
  id: PersonId,
  more: Record<string, unknown> = {},
): Promise<string> {
  const iat = toSeconds(world.clock.now())
  const sid = crypto.randomUUID()
  const expiresAt = addMs(world.clock.now(), 3600_000)
  await world.store.transact(tx =>
    insertOidcState(tx, { kind: 'Grant', id: sid, payload: { accountId: id }, expiresAt }),
  )
  const fixed = { iss: ourIssuer, sub: id, aud: apiAudience, client_id: cliClientId, sid }
  const claims = { ...fixed, jti: crypto.randomUUID(), iat, exp: iat + 300, ...more }
  const { kid, alg, privateKey } = world.signer()
  return new SignJWT(claims).setProtectedHeader({ alg, typ: 'at+jwt', kid }).sign(privateKey)
}

export function attestIn(world: AttestedWorld, token: string, identity?: string) {
  return attest(world, { token, audience, now: world.clock.now(), identity })
}
