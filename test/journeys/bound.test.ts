/** Tokens bound to a key (RFC 9449), by a client library that is not ours, against the real server. */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { decodeJwt } from 'jose'
import * as oidc from 'openid-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openTunnel } from '../../cli/src/tunnel.ts'
import { openBrowser } from '../support/browser.ts'
import { type Company, connectSales, expectStatus, startCompany } from './company.ts'

const main = resolve(import.meta.dirname, '../../cli/src/main.ts')
let company: Company
let client: oidc.Configuration
beforeAll(async () => {
  company = await startCompany({ target: true })
  await connectSales(company)
  const [sam, tom] = [company.as('sam'), company.as('tom')]
  const app = { slug: 'desk', purpose: 'looks at deals', backup: 'tom@acme.example', days: 5 }
  await expectStatus(201, sam('POST', '/v1/apps', app))
  const needs = '    needs:\n      - resource: crm.deals\n        actions: [read]\n'
  const yaml = `app: desk\npurposes:\n  look:\n    says: Looks at deals\n${needs}`
  await expectStatus(200, sam('PUT', '/v1/apps/desk/manifest', { yaml }))
  const trust = { role: 'run', preset: 'person', claims: { as: ['owner'] }, reason: 'by hand' }
  await expectStatus(201, sam('POST', '/v1/apps/desk/trust', trust))
  const ask = { app: 'desk', resource: 'crm.deals', actions: ['read'], reason: 'to look' }
  const { body } = await expectStatus(201, sam('POST', '/v1/requests', ask))
  const answer = { says: 'yes', bodyHash: body.bodyHash }
  await expectStatus(200, tom('POST', `/v1/requests/${body.id}/answer`, answer))
  await company.running.world.settle()
  client = await oidc.discovery(new URL(company.running.issuer), 'leasehold-cli', {}, oidc.None(), {
    execute: [oidc.allowInsecureRequests],
  })
}, 120_000)
afterAll(() => company?.stop())

const newHandle = async () => oidc.getDPoPHandle(client, await oidc.randomDPoPKeyPair('ES256'))

/** As the command line signs in, with a key of its own. */
async function signIn(DPoP: oidc.DPoPHandle) {
  const browser = openBrowser()
  const page = await browser.get(await company.running.signInLink())
  await browser.submit(page, '/sign-in/link')
  const asked = await oidc.initiateDeviceAuthorization(client, {})
  const device = await browser.get(asked.verification_uri_complete ?? '')
  await browser.submit(device, '/d', { says: 'yes' })
  return oidc.pollDeviceAuthorizationGrant(client, { ...asked, interval: 0.05 }, undefined, {
    DPoP,
  })
}

async function call(token: string, path: string, init: { DPoP?: oidc.DPoPHandle; body?: object }) {
  const url = new URL(path, company.running.issuer)
  const headers = new Headers(init.body ? { 'content-type': 'application/json' } : {})
  const [method, body] = init.body ? ['POST', JSON.stringify(init.body)] : ['GET', null]
  const options = init.DPoP ? { DPoP: init.DPoP } : {}
  return oidc
    .fetchProtectedResource(client, token, url, method, body, headers, options)
    .catch((thrown: { status?: number }) => ({
      status: thrown.status,
      json: async () => undefined,
    }))
}

function exchange(subject: string, DPoP?: oidc.DPoPHandle) {
  const urn = 'urn:ietf:params:oauth'
  const form = {
    subject_token: subject,
    subject_token_type: `${urn}:token-type:access_token`,
    identity: 'desk/run',
    scope: 'look',
    run: crypto.randomUUID(),
  }
  const grant = `${urn}:grant-type:token-exchange`
  return oidc.genericGrantRequest(client, grant, form, DPoP ? { DPoP } : {})
}

describe('a sign-in with a key', () => {
  test('gives a token that its holder uses, and nobody who has only seen it', async () => {
    const own = await newHandle()
    const tokens = await signIn(own)
    expect(tokens.token_type).toBe('dpop')
    expect((await call(tokens.access_token, '/v1/me', { DPoP: own })).status).toBe(200)
    expect((await call(tokens.access_token, '/v1/me', {})).status).toBe(401)
    expect((await call(tokens.access_token, '/v1/me', { DPoP: await newHandle() })).status).toBe(
      401,
    )
    // Renewed by the same key alone.
    const again = tokens.refresh_token ?? ''
    const other = { DPoP: await newHandle() }
    await expect(oidc.refreshTokenGrant(client, again, undefined, other)).rejects.toThrow(
      'server responded with an error',
    )
    const renewed = await oidc.refreshTokenGrant(client, again, undefined, { DPoP: own })
    expect((await call(renewed.access_token, '/v1/me', { DPoP: own })).status).toBe(200)
  })

  test('makes the tokens of its tasks its holder’s as well, down to the tunnel', async () => {
    const own = await newHandle()
    const { access_token: person } = await signIn(own)
    await expect(exchange(person)).rejects.toMatchObject({ cause: expect.anything() })
    await expect(exchange(person, await newHandle())).rejects.toThrow(
      'server responded with an error',
    )
    const task = await exchange(person, own)
    expect(task).toMatchObject({ token_type: 'dpop', expires_in: 900 })
    const ask = { resource: 'crm.deals', actions: ['read'] }
    const bare = await call(task.access_token, '/v1/leases', { body: ask })
    expect(bare.status).toBe(401)
    const leased = await call(task.access_token, '/v1/leases', { DPoP: own, body: ask })
    expect(leased.status).toBe(201)
    const { lease } = (await leased.json()) as { lease: { id: string } }
    // At the gateway the token alone opens nothing.
    const told: string[] = []
    const server = new URL(company.running.address)
    const path = `/v1/leases/${lease.id}/tunnel`
    const dial = { server, path, token: async () => task.access_token }
    const door = await openTunnel(dial, why => told.push(why))
    const { connect } = await import('node:net')
    await new Promise(done => connect(door.port, '127.0.0.1').on('error', done).on('close', done))
    door.close()
    expect(told.join()).toContain('does not take the token')
  })

  test('is asked for its proof by the decision API as by every other door', async () => {
    const own = await newHandle()
    const { access_token: person } = await signIn(own)
    const { access_token: task } = await exchange(person, own)
    const { world } = company.running
    const about = { type: 'Installation', id: world.installationId() }
    const subject = { type: 'Identity', id: 'id_none' }
    const body = { subject, action: { name: 'log.read' }, resource: about }
    for (const token of [person, task]) {
      const ask = async (init: { DPoP?: oidc.DPoPHandle }) =>
        (await call(token, '/access/v1/evaluation', { ...init, body })).status
      expect(await ask({})).toBe(401)
      expect(await ask({ DPoP: await newHandle() })).toBe(401)
      expect(await ask({ DPoP: own })).not.toBe(401)
    }
  })

  test('is what the command line uses, renews and runs with', async () => {
    const pair = await oidc.randomDPoPKeyPair('ES256', { extractable: true })
    const tokens = await signIn(oidc.getDPoPHandle(client, pair))
    const home = await mkdtemp(join(tmpdir(), 'leasehold-bound-'))
    const { address } = company.running
    const file = join(
      home,
      'leasehold',
      'servers',
      `${new URL(address).origin.replace(/[^a-z0-9.-]+/gi, '_')}.json`,
    )
    await mkdir(join(home, 'leasehold', 'servers'), { mode: 0o700, recursive: true })
    const key = await crypto.subtle.exportKey('jwk', pair.privateKey)
    const { access_token: accessToken, refresh_token: refreshToken } = tokens
    // Its token has run out: the first thing it does is renew it.
    const session = { accessToken, accessEndsAt: 0, refreshToken, key }
    await writeFile(file, JSON.stringify({ url: new URL(address).origin, session }), {
      mode: 0o600,
    })
    const lh = (...words: string[]) =>
      promisify(execFile)(process.execPath, [main, ...words], {
        cwd: home,
        env: {
          PATH: process.env['PATH'],
          XDG_CONFIG_HOME: home,
          HOME: home,
          LEASEHOLD_SERVER: address,
        },
      })
    expect((await lh('whoami')).stdout).toContain('Sam')
    const kept = JSON.parse(await readFile(file, 'utf8')).session
    expect(kept.accessToken).not.toBe(accessToken)
    expect(decodeJwt(kept.accessToken)).toMatchObject({ cnf: { jkt: expect.any(String) } })
    expect((await call(kept.accessToken, '/v1/me', {})).status).toBe(401)
    const psql = ['-e', 'console.log(process.env.DATABASE_URL)']
    const ran = await lh('run', '--as', 'desk', '--need', 'crm.deals:read', '--', 'node', ...psql)
    expect(ran.stdout).toMatch(/^postgresql:\/\/lh_/)
    await rm(home, { recursive: true })
  }, 60_000)

  test('a bearer’s token of a task lives five minutes, a holder’s fifteen', async () => {
    const link = await company.running.signInLink()
    const { signInLink } = await import('../../demo/people.ts')
    const { running } = company
    const { token } = await signInLink(running.issuer, running.address, link)
    expect(await exchange(token)).toMatchObject({ token_type: 'bearer', expires_in: 300 })
    expect(await exchange(token, await newHandle())).toMatchObject({ expires_in: 900 })
  })
})
