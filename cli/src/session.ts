/**
 * The person's session: signing in (RFC 8628), and the silent renewal of the token (RFC 6749 §6).
 * INVARIANT: a token is in its file and in a header, nowhere else; a refresh token is used once.
 */
import type { InstallationView } from '../../src/doors/api/contract.ts'
import { accept, parse, type Reply, request } from './api.ts'
import { type Credential, type Key, newKey, proofOf } from './dpop.ts'
import { failed } from './problem.ts'
import { changeProfile, isLoopback, readProfile, type Server, type Session } from './server.ts'

const clientId = 'leasehold-cli'
/** Renewed when less than this is left, so that a call does not end on the way. */
const spareMs = 20_000

type Form = Readonly<Record<string, string>>
type Body = Readonly<Record<string, string | number | undefined>>

/** One that is good now; undefined when nobody is signed in. `force`: the last one was refused. */
export async function currentToken(
  server: Server,
  force: boolean,
): Promise<Credential | undefined> {
  if (server.demo) return server.demo.token
  const isGood = (session: Session) => session.accessEndsAt - Date.now() > spareMs
  const known = readProfile(server).session
  if (known === undefined || (!force && isGood(known))) return credentialOf(known)
  const { session } = await changeProfile(server, async now => {
    // Another command may have renewed it while we waited for the lock.
    const isNewer = now.session?.accessToken !== known.accessToken
    if (now.session === undefined || (isNewer && isGood(now.session))) return now
    const { refreshToken, key } = now.session
    const form = { grant_type: 'refresh_token', refresh_token: refreshToken }
    const reply = await callIssuer(server, 'token_endpoint', form, key)
    const isOver = reply.status === 400 || reply.status === 401
    return { ...now, session: isOver ? undefined : sessionOf(reply, now.session) }
  })
  return credentialOf(session)
}

function credentialOf(session: Session | undefined): Credential | undefined {
  const { accessToken: token, key } = session ?? {}
  return token && key ? { token, key } : token
}

/** Starts a sign-in that a person confirms in a browser: `device_code`, `user_code`, `page`, `interval`. */
export async function beginSignIn(server: Server): Promise<Body> {
  const issuer = await issuerOf(server)
  const form = { scope: 'openid api', resource: issuer }
  const reply = await callIssuer(server, 'device_authorization_endpoint', form)
  const body = parse(accept(reply)) as Body
  const page = String(body['verification_uri_complete'] ?? body['verification_uri'])
  if (new URL(page).origin === new URL(issuer).origin) return { ...body, page }
  throw failed('The server sends you to a page that is not its own.', 'Ask who runs it.')
}

/**
 * By which address it goes. ATTACKER: a server that goes by another's would be given what is good there:
 * a person's sign-in, or a machine's token.
 */
export async function issuerOf(server: Server): Promise<string> {
  const { issuer } = (await fetchJson(server, '/v1/installation')) as InstallationView
  const [address, { origin, port }] = [new URL(issuer), server.url]
  const isHere = isLoopback(address) && isLoopback(server.url) && address.port === port
  if (address.origin === origin || isHere) return issuer
  throw failed(
    `${origin} wants you to sign in at another server.`,
    `leasehold login --server ${issuer}`,
  )
}

/** Asks once; a Problem says why it will never be yes. */
export async function pollSignIn(server: Server, device: Body): Promise<string> {
  const grant = 'urn:ietf:params:oauth:grant-type:device_code'
  const form = { grant_type: grant, device_code: String(device['device_code']) }
  // The first that is let in is the key of this sign-in.
  const key = newKey()
  const reply = await callIssuer(server, 'token_endpoint', form, key)
  const error = reply.status === 200 ? '' : String((parse(reply) as Body)['error'])
  if (/^(authorization_pending|slow_down)$/.test(error)) return error
  if (error !== '') throw failed(`Nobody said yes (${error}).`, 'leasehold login')
  const session = sessionOf(reply, { refreshToken: '', key })
  await changeProfile(server, now => ({ ...now, session }))
  return 'done'
}

/** Ends the session; what is remembered of the server's key and log stays. */
export async function signOut(server: Server): Promise<boolean> {
  const { session } = readProfile(server)
  if (!session) return false
  await changeProfile(server, now => ({ ...now, session: undefined }))
  const form = { token: session.refreshToken, token_type_hint: 'refresh_token' }
  await callIssuer(server, 'revocation_endpoint', form).catch(() => undefined)
  return true
}

/** Endpoints come from discovery; they are called at the profile's own origin only. */
export async function callIssuer(
  server: Server,
  name: string,
  form: Form,
  key?: Key,
): Promise<Reply> {
  const found = (await fetchJson(server, '/.well-known/openid-configuration')) as Body
  // Proven for the address the issuer goes by, which may not be the one it is called at.
  const url = new URL(String(found[name]), server.url)
  const proof = key && proofOf(key, { method: 'POST', url })
  const fields = { client_id: clientId, ...form }
  return request(server.url, { method: 'POST', path: url.pathname, form: fields, proof })
}

/** What anyone may read. */
export async function fetchJson(server: Server, path: string): Promise<unknown> {
  return parse(accept(await request(server.url, { method: 'GET', path })))
}

function sessionOf(reply: Reply, old: Pick<Session, 'refreshToken' | 'key'>): Session {
  const { access_token, expires_in = 60, ...given } = parse(accept(reply)) as Body
  const accessEndsAt = Date.now() + Number(expires_in) * 1000
  const refreshToken = String(given['refresh_token'] ?? old.refreshToken)
  // A server of before binds nothing: then it is a bearer's, as it always was.
  const key = given['token_type'] === 'DPoP' ? old.key : undefined
  return { accessToken: String(access_token), accessEndsAt, refreshToken, key }
}
