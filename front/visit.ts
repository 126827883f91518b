/**
 * Who looks at an app. A person who is signed in at the server brings a code, once, and has a cookie from
 * then on that this one app's address takes and that neither the app nor another app ever sees.
 *
 * ATTACKER: an app, or who looks at it, that wants to be somebody at another app or at the server. Each
 * token is for one address, of a type that nothing else takes, and the code only where its journey began.
 */
import { createHash, randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createLocalJWKSet, jwtVerify, SignJWT } from 'jose'
import { isId, type PersonId } from '../src/core/base/ids.ts'
import { toMs } from '../src/core/base/time.ts'
import { bounds } from './bounds.ts'
import type { FrontWorld, Shipped, Visitor } from './port.ts'

/** What is signed: a code to come in with, the cookie, what the app is told, and what the runner answers by. */
type Kind = 'code' | 'visit' | 'person' | 'warrant'
const seconds = {
  code: bounds.codeSeconds,
  visit: bounds.visitSeconds,
  person: bounds.personSeconds,
  warrant: bounds.warrantSeconds,
} as const

export class Visits {
  readonly #world: FrontWorld

  constructor(world: FrontWorld) {
    this.#world = world
  }

  /** Where the journey to an app begins: a browser that came without a visit is sent to the server. */
  begin(res: ServerResponse, slug: string, to: string): void {
    const nonce = randomBytes(24).toString('base64url')
    this.#set(res, 'from', nonce, bounds.codeSeconds * 10)
    const query = new URLSearchParams({ app: slug, from: hash(nonce), to })
    this.#redirect(res, `${this.#world.issuer}/open?${query.toString()}`)
  }

  /** The server's own page knows who it is: the address that ends the journey. */
  async letIn(slug: string, id: PersonId, from: string, to: string): Promise<string> {
    const code = await this.#sign('code', slug, { sub: id, from })
    const query = new URLSearchParams({ code, to })
    return `${this.#world.addressOf(slug)}/.leasehold/enter?${query.toString()}`
  }

  /** Undefined for a code that is too old, of another app, or of a journey that began elsewhere. */
  async enter(req: IncomingMessage, res: ServerResponse, slug: string, query: URLSearchParams) {
    const claims = await this.#open('code', slug, query.get('code') ?? '')
    const nonce = this.#cookie(req, 'from') ?? ''
    this.#set(res, 'from', '', 0)
    return claims?.['from'] === hash(nonce) ? personIn(claims) : undefined
  }

  async keep(res: ServerResponse, slug: string, id: PersonId, to: string | null): Promise<void> {
    this.#set(res, 'visit', await this.#sign('visit', slug, { sub: id }), bounds.visitSeconds)
    this.#redirect(res, pathOf(to))
  }

  async read(req: IncomingMessage, slug: string): Promise<PersonId | undefined> {
    const visit = this.#cookie(req, 'visit')
    return visit === undefined ? undefined : personIn(await this.#open('visit', slug, visit))
  }

  /** What the app reads in `Leasehold-Person`; checked by the keys the server publishes. */
  introduce(slug: string, { id, name, email }: Visitor): Promise<string> {
    return this.#sign('person', slug, { sub: id, name, ...(email !== null && { email }) })
  }

  /** By it, and with its key, the runner answers for one app with what CI shipped; nobody else does anything. */
  warrant(slug: string, shipped: Shipped): Promise<string> {
    return this.#sign('warrant', slug, shipped)
  }

  async readWarrant(slug: string, warrant: string): Promise<Shipped | undefined> {
    const said = await this.#open('warrant', slug, warrant)
    return said && isId('identity', said.sub ?? '') ? (said as unknown as Shipped) : undefined
  }

  /** All of them but ours. */
  cookiesFor(req: IncomingMessage): string | undefined {
    const parts = (req.headers.cookie ?? '').split(';').map(part => part.trim())
    const theirs = parts.filter(part => part !== '' && !isOurs(part))
    return theirs.length > 0 ? theirs.join('; ') : undefined
  }

  #sign(
    kind: Kind,
    slug: string,
    claims: Readonly<Record<string, string | number>>,
  ): Promise<string> {
    const { kid, privateKey } = this.#world.signer()
    const now = Math.floor(toMs(this.#world.clock.now()) / 1000)
    return new SignJWT({ ...claims })
      .setProtectedHeader({ alg: 'ES256', typ: typeOf(kind), kid })
      .setIssuer(this.#world.issuer)
      .setAudience(this.#world.addressOf(slug))
      .setIssuedAt(now)
      .setExpirationTime(now + seconds[kind])
      .sign(privateKey)
  }

  async #open(kind: Kind, slug: string, token: string) {
    if (token.length > 2000) return undefined
    // Of a warrant also those that sign no more: it lives as long as its app, and needs the runner's key beside it.
    const all = kind === 'warrant' ? this.#world.everyTokenJwk() : this.#world.tokenJwks()
    const keys = createLocalJWKSet(all)
    try {
      const { payload } = await jwtVerify(token, keys, {
        algorithms: ['ES256'],
        typ: typeOf(kind),
        issuer: this.#world.issuer,
        audience: this.#world.addressOf(slug),
        requiredClaims: ['sub', 'exp'],
        currentDate: new Date(toMs(this.#world.clock.now())),
      })
      return payload
    } catch {
      return undefined
    }
  }

  get #prefix(): string {
    return this.#world.issuer.startsWith('https:') ? '__Host-lh_' : 'lh_'
  }

  #cookie(req: IncomingMessage, name: 'from' | 'visit'): string | undefined {
    const wanted = `${this.#prefix}${name}=`
    const parts = (req.headers.cookie ?? '').split(';').map(part => part.trim())
    const [one, ...more] = parts.filter(part => part.startsWith(wanted))
    // Sent twice: one of the two was planted.
    return more.length > 0 ? undefined : one?.slice(wanted.length)
  }

  #set(res: ServerResponse, name: 'from' | 'visit', value: string, age: number): void {
    const secure = this.#prefix.startsWith('__') ? '; Secure' : ''
    const rest = `Path=/; Max-Age=${age}; HttpOnly; SameSite=Lax${secure}`
    res.appendHeader('Set-Cookie', `${this.#prefix}${name}=${value}; ${rest}`)
  }

  #redirect(res: ServerResponse, to: string): void {
    res.writeHead(303, {
      Location: to,
      'Cache-Control': 'no-store',
      'Referrer-Policy': 'no-referrer',
    })
    res.end()
  }
}

/** A cookie of ours, whoever sets or sends it. */
export const isOurs = (cookie: string) => /^\s*(__Host-|__Secure-)?lh_/i.test(cookie)

/** A path at the app; anything else is its start. ATTACKER: `//elsewhere`, `/\elsewhere`. */
export const pathOf = (to: string | null) =>
  to !== null && /^\/(?![/\\])[\x21-\x7e]{0,1000}$/.test(to) && !to.includes('\\') ? to : '/'

const personIn = ({ sub = '' }: { sub?: string | undefined } = {}) =>
  isId('person', sub) ? sub : undefined

const typeOf = (kind: Kind) => `leasehold-${kind}+jwt`

const hash = (text: string) => createHash('sha256').update(text).digest('base64url')
