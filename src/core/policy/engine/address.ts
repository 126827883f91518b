/**
 * Cedar's ipaddr: one address or a range of them, from text; and what may be asked of it.
 *
 * Not here: names of hosts, zones of IPv6, an IPv4 address written inside an IPv6 one: Cedar has none.
 */
import type { Ip } from './value.ts'

const ipv4Form = /^(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})$/
const groupForm = /^[0-9a-fA-F]{1,4}$/
const prefixForm = /^(0|[1-9]\d{0,2})$/
const longest = 43

export function readIp(text: string): Ip | undefined {
  if (text.length > longest) return undefined
  const slash = text.indexOf('/')
  const address = slash < 0 ? text : text.slice(0, slash)
  const width = address.includes(':') ? 128 : 32
  const bits = width === 32 ? readIpv4(address) : readIpv6(address)
  if (bits === undefined) return undefined
  if (slash < 0) return { kind: 'ipaddr', width, bits, prefix: width }
  const prefix = text.slice(slash + 1)
  if (!prefixForm.test(prefix) || Number(prefix) > width) return undefined
  return { kind: 'ipaddr', width, bits, prefix: Number(prefix) }
}

/** Every address of the one is an address of the other. */
export function isInRange(one: Ip, other: Ip): boolean {
  if (one.width !== other.width || one.prefix < other.prefix) return false
  const beyond = BigInt(other.width - other.prefix)
  return one.bits >> beyond === other.bits >> beyond
}

export function isLoopback({ width, bits, prefix }: Ip): boolean {
  return width === 32 ? prefix >= 8 && bits >> 24n === 127n : prefix === 128 && bits === 1n
}

export function isMulticast({ width, bits, prefix }: Ip): boolean {
  return width === 32 ? prefix >= 4 && bits >> 28n === 14n : prefix >= 8 && bits >> 120n === 255n
}

function readIpv4(text: string): bigint | undefined {
  const parts = ipv4Form.exec(text)?.slice(1).map(Number)
  if (parts === undefined || parts.some(part => part > 255)) return undefined
  return BigInt(parts.reduce((sum, part) => sum * 256 + part, 0))
}

/** Eight groups, or fewer with one `::` that stands for at least one of zeros. */
function readIpv6(text: string): bigint | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const [head = [], tail = []] = halves.map(half => (half === '' ? [] : half.split(':')))
  const given = [...head, ...tail]
  if (halves.length === 2 ? given.length > 7 : given.length !== 8) return undefined
  if (!given.every(group => groupForm.test(group))) return undefined
  const zeros = Array.from({ length: 8 - given.length }, () => '0')
  return [...head, ...zeros, ...tail].reduce(
    (sum, group) => (sum << 16n) | BigInt(`0x${group}`),
    0n,
  )
}
