/**
 * What a person writes to connect Notion, and what a resource may name there: parsed once, with bounds.
 * No I/O.
 */
import { z } from 'zod'
import type { Json } from '../../src/core/base/json.ts'
import { plain, readShape, rulesShape, secretShape, urlShape } from '../rest/config.ts'

const page = 'docs/connectors/notion.md'

const token = z
  .string()
  .max(500)
  .regex(/^[A-Za-z0-9_-]{20,}$/, { error: 'is a token as Notion shows it' })
const uuid = z.string().regex(/^[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}$/, {
  error: 'is an id as Notion shows it',
})

const common = {
  token,
  /** Of the Admin API, which is of the plan Enterprise: the organization's bot, and one workspace. */
  admin: z.strictObject({ token, spaceId: uuid }).optional(),
  /** Any other token of ours, to compare with. */
  probeToken: token.optional(),
  url: urlShape.default('https://api.notion.com'),
}
/** What Notion lets be done with a token hangs on what it is of. */
const configShape = z.discriminatedUnion('connection', [
  z.strictObject({ connection: z.literal('internal'), ...common }),
  z.strictObject({ connection: z.literal('personal'), ...common }),
  z.strictObject({
    connection: z.literal('public'),
    clientId: secretShape,
    clientSecret: secretShape,
    ...common,
  }),
])

const objectShape = z
  .strictObject({
    /** The resource is the whole connection: its token ends with the lease. */
    connection: z.literal(true).optional(),
    rules: rulesShape,
  })
  .default({ rules: [] })

export type NotionConfig = z.infer<typeof configShape>
export type NotionObject = z.infer<typeof objectShape>

export function parseConfig(input: Json): NotionConfig & Json {
  return plain(readShape(configShape, input, { name: 'connect', page }))
}

export function parseObject(input: Json): NotionObject & Json {
  return plain(readShape(objectShape, input, { name: 'object', page }))
}
