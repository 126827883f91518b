/**
 * Who is looking: as the server says that leads people here, signed, for this app's address and this minute.
 * Alone on this machine there is nobody to say it, and a sample stands in.
 */
import { createPublicKey, verify } from 'node:crypto'

export interface Visitor {
  readonly kind: 'known' | 'sample'
  readonly name: string
}

type Part = Readonly<Record<string, unknown>>
const sample: Visitor = { kind: 'sample', name: 'Sample Person' }
let keys: readonly Part[] = []

/** Undefined: nobody came the way people come. What is deployed shows nothing then. */
export async function visitorOf(
  header: string | string[] | undefined,
  env: NodeJS.ProcessEnv,
): Promise<Visitor | undefined> {
  const { LEASEHOLD_SERVER: server, LEASEHOLD_ADDRESS: address, LEASEHOLD_COMMIT: deployed } = env
  if (header === undefined) return deployed === undefined ? sample : undefined
  if (server === undefined || address === undefined || typeof header !== 'string') return undefined
  const [head = '', body = '', signature = ''] = header.split('.')
  const [{ alg, typ, kid }, { aud, exp, name }] = [partOf(head), partOf(body)]
  // ATTACKER: another token of the same server, one for another app, one that is over.
  const isOne = alg === 'ES256' && typ === 'leasehold-person+jwt' && aud === address
  if (!isOne || !(Number(exp) * 1000 > Date.now()) || typeof name !== 'string') return undefined
  const jwk = await keyOf(server, kid)
  if (jwk === undefined) return undefined
  const key = createPublicKey({ key: jwk as Record<string, string>, format: 'jwk' })
  const by = { key, dsaEncoding: 'ieee-p1363' } as const
  const isSigned = verify('sha256', Buffer.from(`${head}.${body}`), by, bytesOf(signature))
  return isSigned ? { kind: 'known', name } : undefined
}

/** Asked for again when a key is new. */
async function keyOf(server: string, kid: unknown): Promise<Part | undefined> {
  const find = () => keys.find(each => each['kid'] === kid)
  if (find() === undefined) {
    const answer = await fetch(`${server}/oauth/jwks`, { signal: AbortSignal.timeout(5000) })
    keys = ((await answer.json()) as { keys: readonly Part[] }).keys
  }
  return find()
}

const bytesOf = (part: string) => Buffer.from(part, 'base64url')

function partOf(part: string): Part {
  try {
    return { ...(JSON.parse(bytesOf(part).toString()) as object) }
  } catch {
    return {}
  }
}
