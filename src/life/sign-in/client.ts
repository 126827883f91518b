/**
 * An MCP client asks to act for a person (authorization code, PKCE): what it asks, read strictly; what it
 * says of itself, in its client-id metadata document; and the person's answer. Nothing is remembered from
 * one ask to the next: each is answered by a person, who sees it. Redeeming the code is the
 * authorization server's.
 *
 * ATTACKER: anybody may publish such a document. Its name is words; what counts is the host it is at, and
 * where the code goes. So nothing is sent there before a person has said yes or no: a fault is told here.
 */
import { z } from 'zod'
import { sha256Hex } from '../../core/base/hash.ts'
import type { PersonId } from '../../core/base/ids.ts'
import { type Problem, problemOf } from '../../core/base/problem.ts'
import { safeText } from '../../core/base/text.ts'
import { addSeconds } from '../../core/base/time.ts'
import { type AllowedOrigins, checkAddress } from '../../core/identity/guard.ts'
import { lockKnown, throwUnknown } from '../../core/ledger/fact-table.ts'
import { entryKind } from '../../core/ledger/kind.ts'
import { type LedgerWorld, recorded, type Scope, subjectOf } from '../../core/ledger/record.ts'
import { personTable } from '../../core/people/rows.ts'
import { fetchJson } from '../outbound/fetch.ts'
import { clientScope } from './authorization-server.ts'
import { bounds } from './bounds.ts'
import { insertOidcState } from './rows.ts'
import { beginSignIn, newSecret } from './session.ts'
import { type Choice, type ClientWork, findMcp, mcpUri, type WorkWorld } from './work.ts'

const clientAllowed = entryKind('client.allow', 'let an MCP client act for an app')
const clientRefused = entryKind('client.refuse', 'refused an MCP client')

const like = (form: RegExp) => z.string().regex(form)
const text = (most: number) => like(/^[\x21-\x7e]+$/).max(most)
const askShape = z.object({
  response_type: z.literal('code'),
  response_mode: z.literal('query').optional(),
  client_id: text(500),
  redirect_uri: text(1000),
  resource: text(500),
  // RFC 7636 §4.3: left out the method would mean `plain`.
  code_challenge_method: z.literal('S256'),
  code_challenge: like(/^[\w-]{43}$/),
  state: like(/^[\x20-\x7e]{0,1000}$/).optional(),
  // A person is asked each time.
  prompt: like(/^(?!none$)[a-z_ ]{1,60}$/).optional(),
})
/** Such of RFC 9101, 9126 and 9396 as would say something else than what a person is shown. */
const notTaken = ['request', 'request_uri', 'registration', 'claims', 'authorization_details']

/** What is asked, as it was sent and under its names there: all that an answer is about. */
export type Ask = z.infer<typeof askShape>

export type AskedClient = Awaited<ReturnType<typeof readClient>>

/** Problem `bad-request` names the parameter. What is not known is passed over (RFC 6749 §3.1). */
export function readAsk(from: ReadonlyMap<string, string>): Ask {
  const { data, error } = askShape.safeParse(Object.fromEntries(from))
  const foreign = notTaken.find(name => from.has(name))
  if (data !== undefined && foreign === undefined) return data
  throw bad(foreign ?? String(error?.issues[0]?.path[0]))
}

/** The MCP server a token is asked for (RFC 8707). Problem `invalid-target` for any other address. */
export function resourceOf(world: WorkWorld, { resource }: Ask) {
  const slug = resource.slice(mcpUri(world, '').length)
  const found = resource === mcpUri(world, slug) ? findMcp(world.replica, slug) : undefined
  if (found !== undefined) return found
  throw problemOf('not-an-mcp-server', { mcpUri: mcpUri(world, 'NAME'), field: 'resource' })
}

const documentShape = z.looseObject({
  client_id: z.string(),
  client_name: z.string().optional(),
  redirect_uris: z.array(z.string().max(1000)).min(1).max(50),
  // A public client: it can keep no secret, and a key of its own nobody here would check.
  token_endpoint_auth_method: z.literal('none').default('none'),
  client_secret: z.undefined().optional(),
})

/**
 * The client's document, fetched now, by the guard for addresses of others. Problem `bad-request` where
 * there is none that is good, or it does not name where the answer is to go. `name` is its own words, made
 * harmless.
 */
export async function readClient(
  { client_id: clientId, redirect_uri: redirectUri }: Ask,
  documents: AllowedOrigins,
) {
  const { host, pathname } = checkAddress(clientId, 'client_id', documents)
  if (pathname === '/') throw bad('client_id')
  const said = await fetchJson(clientId, documents).catch(() => undefined)
  const document = documentShape.safeParse(said)
  if (document.data?.client_id !== clientId)
    throw bad('client_id', `There is no document of this public client at \`${host}\`.`)
  const redirect = placeOf(redirectUri)
  const { client_name: name = '', redirect_uris: registered } = document.data
  if (redirect === undefined || !registered.some(each => placeOf(each)?.bare === redirect.bare))
    throw bad('redirect_uri', `The document at \`${host}\` does not name this address.`)
  return { name: safeText(name, 80).trim(), host, redirect: redirect.url }
}

/**
 * Where an answer may go: an https address, or this machine, written in one way only. `bare` is what is
 * compared: byte for byte, but on this machine any port, which is chosen late (RFC 8252 §7.3).
 */
function placeOf(text: string): { url: URL; bare: string } | undefined {
  const url = URL.parse(text)
  const isPlain = url !== null && (url.href === text || url.href === `${text}/`)
  if (!isPlain || url.username !== '' || url.password !== '' || url.hash !== '') return undefined
  const isHere = ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname)
  if (url.protocol === 'https:') return { url, bare: url.href }
  const bare = new URL(url)
  bare.port = ''
  return url.protocol === 'http:' && isHere ? { url, bare: bare.href } : undefined
}

export interface ClientAnswer {
  readonly personId: PersonId
  readonly ask: Ask
  readonly client: AskedClient
  /** What it may do; undefined is a no. */
  readonly choice: Choice | undefined
}

/** Answers where to send the browser. A yes ends with the session length, whatever is renewed in between. */
export async function answerClient(
  world: LedgerWorld & WorkWorld,
  { personId, ask, client, choice }: ClientAnswer,
): Promise<string> {
  const { client_id: clientId, state } = ask
  const work = choice?.work
  const code = newSecret()
  await recorded(world, async scope => {
    const person = await lockKnown(scope.tx, personTable, personId)
    if (person.state === 'left') throwUnknown('person')
    if (work !== undefined) await letAct(scope, ask, personId, { code, work })
    scope.entry({
      kind: work === undefined ? clientRefused : clientAllowed,
      by: personId,
      subjects: [subjectOf(personTable, person)],
      // An address may say more than who publishes it: for good is only its hash.
      facts: { client: sha256Hex(clientId), host: client.host, ...work },
      words: { client: clientId, name: client.name },
    })
  })
  const url = new URL(client.redirect)
  const answer = work === undefined ? { error: 'access_denied' } : { code }
  // RFC 9207: who answers, so that one server's answer is not taken for another's.
  const said = { ...answer, ...(state !== undefined && { state }), iss: world.issuer }
  for (const [name, value] of Object.entries(said)) url.searchParams.set(name, value)
  return url.href
}

/** The sign-in with its choice, and the code for it, as the authorization server reads them. */
async function letAct(
  scope: Scope,
  ask: Ask,
  accountId: PersonId,
  { code, work }: { code: string; work: ClientWork },
): Promise<void> {
  const { client_id: clientId, resource } = ask
  const said = await beginSignIn(scope, { accountId, clientId, resource, scope: clientScope, work })
  await insertOidcState(scope.tx, {
    kind: 'AuthorizationCode',
    id: sha256Hex(code),
    payload: {
      ...said,
      iat: said.authTime,
      clientId,
      redirectUri: ask.redirect_uri,
      codeChallenge: ask.code_challenge,
      codeChallengeMethod: 'S256',
    },
    expiresAt: addSeconds(scope.at, bounds.codeSeconds),
  })
}

function bad(field: string, why = 'It is missing, or can not be this.'): Problem {
  return problemOf('client-request-refused', { why, field })
}
