/**
 * Fetches a document from an address that somebody else chose: an issuer's keys, a client's metadata. Not
 * for calls to targets, whose addresses are configured with their credentials.
 *
 * ATTACKER: a name that leads inside our network (a link-local, mapped or private address), or to one
 * thing when checked and to another when used; a document without end.
 */
import { lookup } from 'node:dns'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import { type Json, parseJson } from '../../core/base/json.ts'
import { limits } from '../../core/base/limits.ts'
import { isProblem, problemOf } from '../../core/base/problem.ts'
import { words } from '../../core/base/words.ts'
import { type AllowedOrigins, checkAddress, refused } from '../../core/identity/guard.ts'

/**
 * GET of a JSON document, within the limits of a foreign issuer. Follows no redirect.
 * Problem `issuer-unavailable` when it does not answer with one in time, `address-refused` when its
 * name leads to an address inside.
 */
export async function fetchJson(address: string, allowed: AllowedOrigins): Promise<Json> {
  const url = checkAddress(address, 'address', allowed)
  try {
    const text = await get(url, allowed.has(url.origin))
    return parseJson(text, limits.issuerResponseBytes)
  } catch (cause) {
    if (isProblem(cause, 'address-refused')) throw cause
    throw problemOf('issuer-answered-otherwise', { host: url.host, log: String(cause), cause })
  }
}

function get(url: URL, isAllowed: boolean): Promise<string> {
  const request = url.protocol === 'https:' ? httpsRequest : httpRequest
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const call = request(
    url,
    {
      agent: false,
      headers: { accept: 'application/json', 'accept-encoding': 'identity' },
      maxHeaderSize: 16 * 1024,
      signal: AbortSignal.timeout(limits.issuerCallMs),
      ...(isAllowed ? {} : { lookup: publicLookup }),
    },
    response => void readBody(response).then(resolve, reject),
  )
  call.on('error', reject)
  call.end()
  return promise
}

async function readBody(response: IncomingMessage): Promise<string> {
  if (response.statusCode !== 200) {
    response.destroy()
    throw new Error(`answered ${response.statusCode}`)
  }
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length
    // Who leaves the loop destroys the response.
    if (size > limits.issuerResponseBytes)
      throw new Error(`answered more than ${limits.issuerResponseBytes} bytes`)
    chunks.push(chunk)
  }
  return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks))
}

/**
 * Resolves once and hands on only what was checked, so that a name can not change between the check
 * and the call. One address inside refuses the whole name.
 */
export const publicLookup: LookupFunction = (hostname, options, done) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error !== null) return done(error, [])
    const bad = addresses.length === 0 || addresses.some(({ address }) => !isPublic(address))
    if (bad) return done(refused('address', 'leads to an address that is not public'), [])
    const [first] = addresses
    if (options.all !== true && first !== undefined) done(null, first.address, first.family)
    else done(null, addresses)
  })
}

/** Special-purpose registries of IANA: what is not globally reachable, as of 2026. */
const inside = new BlockList()
for (const net of words(
  '0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24',
  '192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24',
  '224.0.0.0/4 240.0.0.0/4 2001::/23 2001:db8::/32 2002::/16 3fff::/20',
)) {
  const [address = '', bits] = net.split('/')
  inside.addSubnet(address, Number(bits), isIP(address) === 4 ? 'ipv4' : 'ipv6')
}
const global6 = new BlockList()
global6.addSubnet('2000::', 3, 'ipv6')

export function isPublic(address: string): boolean {
  if (isIP(address) === 4) return !inside.check(address, 'ipv4')
  // Mapped, translated, local and multicast addresses all lie outside 2000::/3.
  const isGlobal = isIP(address) === 6 && global6.check(address, 'ipv6')
  return isGlobal && !inside.check(address, 'ipv6')
}
