/**
 * Who the runner is: one key of its own, in its folder and nowhere else. Who the server is: the keys it
 * publishes, which sign warrants.
 */
import { createHash, createPublicKey, verify } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Key, newKey } from '../cli/src/dpop.ts'
import { bounds } from './bounds.ts'
import { Refusal } from './refusal.ts'

/** The key of this folder, made where there is none. */
export function readKey(home: string): Key {
  const file = join(home, 'key.json')
  try {
    // Never over another.
    writeFileSync(file, JSON.stringify(newKey()), { mode: 0o600, flag: 'wx' })
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown
  }
  return JSON.parse(readFileSync(file, 'utf8')) as Key
}

/** RFC 7638: by which the operator names it to the server. */
export function thumbprintOf({ crv, kty, x, y }: Key): string {
  return createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url')
}

/** That a run of CI shipped this bundle for this app: signed by the server. */
export interface Warrant {
  readonly text: string
  readonly slug: string
  readonly address: string
  readonly digest: string
  readonly commit: string
  /** When it was shipped, in milliseconds since 1970. */
  readonly at: number
}

/** ATTACKER: another token of the same server (a visit's, a person's, a task's), or one for another app. */
export async function readWarrant(server: string, text: string, slug: string): Promise<Warrant> {
  const [head = '', body = '', signature = ''] = text.split('.')
  const [{ alg, typ, kid }, claims] = [partOf(head), partOf(body)]
  const { iss, aud, exp, digest, commit, at } = claims
  const isFor = iss === server && URL.parse(String(aud))?.hostname.split('.', 1)[0] === slug
  const isOne = alg === 'ES256' && typ === 'leasehold-warrant+jwt' && typeof at === 'number'
  const isGood = Number(exp) * 1000 > Date.now() && /^[0-9a-f]{64}$/.test(String(digest))
  const jwk = isFor && isOne && isGood ? await keyOf(server, kid) : undefined
  if (jwk === undefined) throw no
  const key = createPublicKey({ key: jwk, format: 'jwk' })
  const by = { key, dsaEncoding: 'ieee-p1363' } as const
  const isSigned = verify('sha256', Buffer.from(`${head}.${body}`), by, bytesOf(signature))
  if (!isSigned || text.split('.').length !== 3) throw no
  return {
    text,
    slug,
    address: String(aud),
    digest: String(digest),
    commit: String(commit),
    at: Number(at),
  }
}

const no = new Refusal(401, 'This is no warrant of the server for this app. Ship it again.')

async function keyOf(server: string, kid: unknown) {
  const options = { signal: AbortSignal.timeout(bounds.serverMs), redirect: 'error' } as const
  const asked = fetch(`${server}/oauth/jwks`, options).then(answer => answer.json())
  const said = await asked.catch(() => {
    throw new Refusal(503, 'The server can not be asked for its keys. Try again.')
  })
  return (said as { keys: Record<string, string>[] }).keys.find(each => each['kid'] === kid)
}

const bytesOf = (part: string) => Buffer.from(part, 'base64url')

function partOf(part: string): Readonly<Record<string, unknown>> {
  try {
    return { ...(JSON.parse(bytesOf(part).toString()) as object) }
  } catch {
    return {}
  }
}
