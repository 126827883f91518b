/** An MCP server behind the gateway, apps with agents that may use it, and people who let a client act. */
import { randomBytes } from 'node:crypto'
import { startSession } from '../../src/life/sign-in/session.ts'
import { type McpClientFake, newPkce } from '../fakes/mcp-client.ts'
import { startWebTarget, type WebTarget } from '../fakes/web-target.ts'
import { type Company, expectStatus, type Name } from '../journeys/company.ts'
import { type Browser, openBrowser, type Page } from './browser.ts'

/** `tracker` over MCP and `api` over HTTP. */
export async function connectTracker({ as, running }: Company): Promise<WebTarget> {
  const target = await startWebTarget(randomBytes(20).toString('base64url'))
  const credential = { header: 'authorization', value: `Bearer ${target.key}` }
  for (const [slug, connector, path] of [
    ['tracker', 'mcp', '/mcp'],
    ['other', 'mcp', '/mcp'],
    ['api', 'http', ''],
  ]) {
    const config = { url: `${target.url}${path}`, credential }
    const connected = { slug, connector, config, production: false }
    await expectStatus(201, as('sam')('POST', '/v1/targets', connected))
    const named = { slug, target: slug, object: {}, columns: [] }
    const owned = { dataClass: 'internal', dataOwner: 'tom@acme.example' }
    await expectStatus(201, as('sam')('POST', '/v1/resources', { ...named, ...owned }))
  }
  await running.world.settle()
  return target
}

/** An app whose agent may read `resource`, and which its owner may act for by hand. */
export async function makeAgentApp(
  company: Company,
  app: {
    slug: string
    by: Name
    resource?: string
    trusted?: boolean
    role?: 'agent' | 'run'
    unattended?: boolean
  },
): Promise<void> {
  const { slug, by, resource = 'tracker', trusted = true, role = 'agent', unattended = false } = app
  const [own, tom] = [company.as(by), company.as('tom')]
  const backup = { purpose: 'looks at issues', backup: 'tom@acme.example', days: 5 }
  await expectStatus(201, own('POST', '/v1/apps', { ...backup, slug, roles: ['run', 'agent'] }))
  const needs = `    needs:\n      - resource: ${resource}\n        actions: [read]\n`
  const yaml = `app: ${slug}\npurposes:\n  look:\n    says: Looks\n${needs}`
  await expectStatus(200, own('PUT', `/v1/apps/${slug}/manifest`, { yaml }))
  const trust = { role, preset: 'person', claims: { as: ['owner'] }, reason: 'by hand' }
  if (trusted) await expectStatus(201, own('POST', `/v1/apps/${slug}/trust`, trust))
  const grant = {
    app: slug,
    resource,
    roles: [role],
    actions: ['read'],
    unattended,
    reason: 'to look',
  }
  const asked = (await expectStatus(201, own('POST', '/v1/requests', grant))).body
  const yes = { says: 'yes', bodyHash: asked.bodyHash }
  await expectStatus(200, tom('POST', `/v1/requests/${asked.id}/answer`, yes))
  await company.running.world.settle()
}

/** A browser in which this person is signed in. */
export async function signedIn({ running, ids }: Company, who: Name): Promise<Browser> {
  const { world, issuer } = running
  const { secret } = await startSession(world.store, ids[who], world.clock.now())
  const browser = openBrowser()
  browser.setCookie(new URL(issuer).host, 'lh_session', secret)
  return browser
}

export interface Asking {
  readonly url: string
  readonly verifier: string
  readonly resource: string
}

/** The address a client opens in the browser; what is undefined in `change` is left out. */
export function ask(
  { running: { issuer } }: Company,
  client: McpClientFake,
  change: Record<string, string | undefined> = {},
): Asking {
  const { verifier, challenge } = newPkce()
  const resource = `${issuer}/mcp/tracker`
  const said = {
    response_type: 'code',
    client_id: client.id,
    redirect_uri: client.redirectUri,
    code_challenge: challenge,
    code_challenge_method: 'S256',
    state: 'a state/&',
    resource,
    ...change,
  }
  const given = Object.entries(said).flatMap(([name, value]) => (value ? [[name, value]] : []))
  return {
    url: `${issuer}/oauth/authorize?${new URLSearchParams(given).toString()}`,
    verifier,
    resource,
  }
}

/** Says yes, and answers with what came to the client. */
export async function agree(browser: Browser, url: string, work = 'desk look'): Promise<Page> {
  const shown = await browser.get(url)
  return browser.submit(shown, '/oauth/authorize', { work, says: 'yes' })
}

export function codeIn({ url }: Page): string {
  const code = new URL(url).searchParams.get('code')
  if (code === null) throw new Error(`no code in ${url}`)
  return code
}

export interface Tokens {
  readonly status: number
  readonly headers: Headers
  readonly body: {
    readonly access_token: string
    readonly refresh_token: string
    readonly error?: string
    readonly task?: string
  }
}

export async function atToken(
  { running: { issuer } }: Company,
  form: Record<string, string>,
): Promise<Tokens> {
  const body = new URLSearchParams(form)
  const { status, headers, ...answer } = await fetch(`${issuer}/oauth/token`, {
    method: 'POST',
    body,
  }).then(async got => ({ status: got.status, headers: got.headers, json: await got.json() }))
  return { status, headers, body: answer.json as Tokens['body'] }
}

/** From a person's yes to the tokens. */
export async function signInClient(
  company: Company,
  client: McpClientFake,
  by: { browser: Browser; work?: string; change?: Record<string, string> },
): Promise<Tokens['body']> {
  const { url, verifier, resource } = ask(company, client, by.change)
  const code = codeIn(await agree(by.browser, url, by.work))
  const { body } = await redeem(company, client, { code, verifier, resource })
  return body
}

export function redeem(
  company: Company,
  { id, redirectUri }: McpClientFake,
  { code, verifier, resource }: { code: string; verifier?: string; resource: string },
): Promise<Tokens> {
  return atToken(company, {
    grant_type: 'authorization_code',
    client_id: id,
    redirect_uri: redirectUri,
    code,
    resource,
    ...(verifier === undefined ? {} : { code_verifier: verifier }),
  })
}

export function renew(company: Company, { id }: McpClientFake, token: string): Promise<Tokens> {
  const form = { grant_type: 'refresh_token', client_id: id, refresh_token: token }
  return atToken(company, form)
}
