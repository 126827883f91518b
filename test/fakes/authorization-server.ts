/**
 * An authorization server in memory that knows one client, by a secret or by a public key, and gives it
 * tokens, for any code too: whether that was its own is not what is tested here. Keeps what arrived; a test may change what it says of itself.
 */
import { createPublicKey, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { jwtVerify } from 'jose'

interface Answer {
  readonly status: number
  readonly headers?: Record<string, string>
  readonly body?: unknown
}

export interface AuthorizationServer {
  readonly issuer: string
  /** Token requests. */
  readonly asked: { headers: IncomingHttpHeaders; form: Record<string, string> }[]
  /** Everything else: paths. */
  readonly looked: string[]
  /** In place of the member of its metadata with that name. */
  says: Record<string, unknown>
  expiresIn: number
  /** Answers the next token request so, whatever it is. */
  next: Answer | undefined
  close(): Promise<void>
}

export type KnownClient = { id: string; secret: string } | { id: string; publicKeyPem: string }

/** `issued` hears of each token. */
export async function startAuthorizationServer(
  client: KnownClient,
  issued: (token: string) => void,
): Promise<AuthorizationServer> {
  const server = createServer((req, res) => {
    void answer(req).then(({ status, headers = {}, body = {} }) =>
      res
        .writeHead(status, { 'content-type': 'application/json', ...headers })
        .end(JSON.stringify(body)),
    )
  })
  const answer = async (req: IncomingMessage): Promise<Answer> => {
    const { url: path = '', method } = req
    if (path !== '/token' || method !== 'POST') {
      it.looked.push(path)
      const isMetadata = path === '/.well-known/oauth-authorization-server'
      return isMetadata ? { status: 200, body: { ...metadataOf(it.issuer), ...it.says } } : none
    }
    const form = Object.fromEntries(new URLSearchParams(await read(req)))
    it.asked.push({ headers: req.headers, form })
    const { next } = it
    it.next = undefined
    if (next !== undefined) return next
    if (!(await isKnown(client, req.headers, form, it.issuer))) return unknown
    const token = randomBytes(16).toString('base64url')
    issued(token)
    const body = { access_token: token, token_type: 'Bearer', expires_in: it.expiresIn }
    return { status: 200, body }
  }
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const it: AuthorizationServer = {
    issuer: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: [],
    looked: [],
    says: {},
    expiresIn: 600,
    next: undefined,
    async close() {
      server.closeAllConnections()
      await new Promise(done => server.close(done))
    },
  }
  return it
}

const none: Answer = { status: 404 }
const unknown: Answer = { status: 401, body: { error: 'invalid_client' } }

function metadataOf(issuer: string) {
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    response_types_supported: ['code'],
    grant_types_supported: ['client_credentials'],
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'private_key_jwt'],
  }
}

async function isKnown(
  client: KnownClient,
  { authorization }: IncomingHttpHeaders,
  form: Record<string, string>,
  issuer: string,
): Promise<boolean> {
  if (form['resource'] === undefined) return false
  if ('secret' in client) {
    const basic = Buffer.from(`${client.id}:${client.secret}`).toString('base64')
    return authorization === `Basic ${basic}`
  }
  const key = createPublicKey(client.publicKeyPem)
  const rules = { issuer: client.id, subject: client.id, audience: issuer, maxTokenAge: 300 }
  return jwtVerify(form['client_assertion'] ?? '', key, rules).then(
    () => true,
    () => false,
  )
}

async function read(req: IncomingMessage): Promise<string> {
  let body = ''
  for await (const part of req) body += String(part)
  return body
}
