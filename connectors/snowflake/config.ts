/**
 * What a person writes to connect Snowflake, and what a resource may name there: parsed once, with
 * bounds. No I/O.
 */
import { z } from 'zod'
import type { Json } from '../../src/core/base/json.ts'
import { safeText } from '../../src/core/base/text.ts'
import { isRsaKey, plain, readShape, urlShape } from '../rest/config.ts'

const page = 'docs/connectors/snowflake.md'
const most = { pemChars: 8_000, nameChars: 255 }

/** As Snowflake keeps a name that nobody quoted. It goes into the word we sign. */
const bare = z
  .string()
  .max(most.nameChars)
  .regex(/^[A-Z_][A-Z0-9_$]*$/, { error: 'is a name in capitals, as `SHOW` gives it' })
/** Any name a person can read: it only ever stands between double quotes. */
const nameShape = z
  .string()
  .min(1)
  .max(most.nameChars)
  .refine(name => safeText(name) === name && name.trim() === name, {
    error: 'is a name, none of it invisible',
  })

const configShape = z
  .strictObject({
    /** Organisation and account. A name with a region in it is of another form: the word would not fit. */
    account: z
      .string()
      .max(most.nameChars)
      .regex(/^[A-Z0-9_]+(-[A-Z0-9_]+)*$/, { error: 'is `ORGANISATION-ACCOUNT`, in capitals' }),
    user: bare,
    privateKeyPem: z.string().max(most.pemChars).refine(isRsaKey, { error: 'is an RSA key (PEM)' }),
    role: bare,
    warehouse: bare.optional(),
    url: urlShape.optional(),
  })
  .transform(({ url, ...rest }) => ({ ...rest, url: url ?? addressOf(rest.account) }))

const objectShape = z
  .strictObject({
    database: nameShape.refine(name => name !== 'SNOWFLAKE', { error: 'is not `SNOWFLAKE`' }),
    schema: nameShape.refine(name => name !== 'INFORMATION_SCHEMA', { error: 'is one of yours' }),
    table: nameShape.optional(),
    view: nameShape.optional(),
  })
  .refine(one => (one.table === undefined) !== (one.view === undefined), {
    error: 'names a `table` or a `view`',
  })

export type SnowflakeConfig = z.infer<typeof configShape>
export type SnowflakeObject = z.infer<typeof objectShape>

export function parseConfig(input: Json): SnowflakeConfig & Json {
  return plain(readShape(configShape, input, { name: 'connect', page }))
}

export function parseObject(input: Json): SnowflakeObject & Json {
  return plain(readShape(objectShape, input, { name: 'object', page }))
}

function addressOf(account: string): string {
  return `https://${account.toLowerCase().replaceAll('_', '-')}.snowflakecomputing.com`
}
