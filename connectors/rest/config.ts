/**
 * What a person writes to connect a system over HTTP: the shapes that several connectors take, and how
 * a fault in them is told. No I/O.
 */
import { createPrivateKey } from 'node:crypto'
import { isIP } from 'node:net'
import { z } from 'zod'
import type { Json } from '../../src/core/base/json.ts'
import { dataActions } from '../../src/core/base/permit.ts'
import { Problem } from '../../src/core/base/problem.ts'

const most = { urlChars: 500, secretChars: 8_000, rules: 100 }

export const urlShape = z.string().max(most.urlChars).refine(isAddress, {
  error: 'is `https://…`, or `http://` on this machine, without user, query or fragment',
})
export const secretShape = z
  .string()
  .min(1)
  .max(most.secretChars)
  .regex(/^[\x21-\x7e]+( [\x21-\x7e]+)*$/, { error: 'is visible ASCII' })

const ruleShape = z.strictObject({
  ask: z.string().regex(/^([A-Z]{3,7}|\*) \/[^\s?#\\]{0,300}$/, {
    error: 'is a method and a path, as `POST /v1/messages` or `GET /v1/*`',
  }),
  action: z.enum(dataActions),
})
/** What a resource says of requests, before what is known of the system. */
export const rulesShape = z.array(ruleShape).max(most.rules).default([])

/** Throws `Problem` `invalid-field` that names the field, never what stands there. `page`: where it is told. */
export function readShape<S extends z.ZodType>(
  shape: S,
  input: Json,
  { name, page }: { name: string; page: string },
): z.infer<S> {
  const result = shape.safeParse(input)
  if (result.success) return result.data
  const [issue] = result.error.issues
  const field = [name, ...(issue?.path ?? [])].map(String).join('.')
  throw new Problem('invalid-field', {
    field,
    detail: `\`${field.slice(0, 200)}\` ${issue?.message ?? 'is not valid'}.`,
    next: `What may stand there: ${page}`,
  })
}

/** Without what is not there: a sealed config is canonical. */
export function plain<T extends object>(config: T): T & Json {
  return Object.fromEntries(Object.entries(config).filter(([, v]) => v !== undefined)) as T & Json
}

/** ATTACKER: who may connect a target could point us at this machine's own network without this. */
function isAddress(text: string): boolean {
  const url = URL.parse(text)
  return url !== null && url.search + url.hash === '' && isReachable(url)
}

export function isReachable(url: URL): boolean {
  const { protocol, hostname, username, password } = url
  if (username + password !== '') return false
  if (isLocal(url)) return protocol === 'https:' || protocol === 'http:'
  return protocol === 'https:' && isIP(hostname.replace(/^\[|\]$/g, '')) === 0
}

export function isLocal({ hostname }: URL): boolean {
  return ['localhost', '127.0.0.1', '[::1]'].includes(hostname)
}

export function isRsaKey(pem: string): boolean {
  try {
    return createPrivateKey(pem).asymmetricKeyType === 'rsa'
  } catch {
    return false
  }
}
