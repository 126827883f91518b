/**
 * What a person writes to connect a system that is spoken to over HTTP, and to name what of it can be
 * asked for: parsed once, with bounds. No I/O.
 */
import { z } from 'zod'
import type { Json } from '../../src/core/base/json.ts'
import { dataActions } from '../../src/core/base/permit.ts'
import { plain, readShape, rulesShape, secretShape, urlShape } from '../rest/config.ts'
import { presetNames, presets } from '../rest/presets.ts'

const most = { prices: 100, tools: 500 }

const credentialShape = z.strictObject({
  /** `authorization`, `x-api-key`, … */
  header: z.string().regex(/^[a-z][a-z0-9-]{1,60}$/, { error: 'is a header in lower case' }),
  value: secretShape,
})

const client = { issuer: urlShape, clientId: secretShape, scope: secretShape.optional() }
const pemShape = z
  .string()
  .regex(/^-----BEGIN PRIVATE KEY-----[\w+/=\s]{50,8000}-----END PRIVATE KEY-----\s*$/)
const algorithm = z.enum(['ES256', 'ES384', 'RS256', 'PS256'])
const oauthShape = z.union(
  [
    z.strictObject({ ...client, clientSecret: secretShape }),
    z.strictObject({ ...client, privateKeyPem: pemShape, algorithm }),
  ],
  { error: 'is `issuer`, `clientId`, and `clientSecret` or `privateKeyPem` with `algorithm`' },
)

const webShape = z.strictObject({ url: urlShape, credential: credentialShape.optional() })
const mcpShape = webShape
  .extend({ oauth: oauthShape.optional() })
  .refine(one => !one.credential || !one.oauth, { error: 'has `credential` or `oauth`' })
const presetShape = z.strictObject({
  preset: z.enum(presetNames),
  key: secretShape,
  url: urlShape.optional(),
})

const action = z.enum(dataActions)
const toolName = z.string().regex(/^[\w./-]{1,128}$|^\*$/, { error: 'is the name of a tool, or *' })
const toolsShape = z.strictObject({
  tools: z
    .record(toolName, action)
    .refine(tools => Object.keys(tools).length <= most.tools, { error: 'are too many' })
    .default({}),
})
/** Dollars for a million tokens. */
const perMillion = z.number().min(0).max(100_000)
const priceShape = z.strictObject({ input: perMillion, output: perMillion })
const pathsShape = z.strictObject({
  rules: rulesShape,
  prices: z
    .record(z.string().regex(/^[\w.:/-]{1,100}\*?$/), priceShape)
    .refine(prices => Object.keys(prices).length <= most.prices, { error: 'are too many' })
    .optional(),
})

export type ToolsObject = z.infer<typeof toolsShape>
export type PathsObject = z.infer<typeof pathsShape>
export type MachineClient = z.infer<typeof oauthShape>

/** Where it is, what we sign in with, and how its requests are classed beside what a resource says. */
export interface WebConfig {
  readonly url: string
  readonly credential?: { readonly header: string; readonly value: string } | undefined
  /** A client of the target's authorization server that is ours, instead of `credential`. */
  readonly oauth?: MachineClient | undefined
  readonly preset?: keyof typeof presets | undefined
}

/** Throws `Problem` `invalid-field`. Parsing its own result gives the same. */
export function parseMcp(input: Json): WebConfig & Json {
  return plain(read(mcpShape, input, 'connect'))
}

/** A preset with its key, or an address with a header. */
export function parseHttp(input: Json): WebConfig & Json {
  if (typeof input === 'object' && input !== null && 'preset' in input && 'key' in input) {
    const { preset, key, url } = read(presetShape, input, 'connect')
    const { header, scheme } = presets[preset]
    // RFC 7617: a name and a word, as `x-access-token:ghp_…`.
    const shown = scheme === 'Basic ' ? Buffer.from(key).toString('base64') : key
    const credential = { header, value: `${scheme}${shown}` }
    return { url: url ?? presets[preset].url, credential, preset }
  }
  const shape = webShape.extend({ preset: z.enum(presetNames).optional() })
  return plain(read(shape, input, 'connect'))
}

export const parseTools = (input: Json): Json => read(toolsShape, input ?? {}, 'object')
export const parsePaths = (input: Json): Json => plain(read(pathsShape, input ?? {}, 'object'))

function read<S extends z.ZodType>(shape: S, input: Json, name: string): z.infer<S> {
  return readShape(shape, input, { name, page: 'docs/connectors/web.md' })
}
