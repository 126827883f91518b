/**
 * What the file of a system may say: the shape we read, and the JSON Schema editors are given of it. Names
 * stand in a call as `{placeholders}`; where in an answer something stands is a JSON Pointer (RFC 6901).
 */
import { z } from 'zod'
import { dataActions } from '../../src/core/base/permit.ts'
import { product } from '../../src/core/base/product.ts'
import { rulesShape, urlShape } from '../rest/config.ts'
import { presetNames } from '../rest/presets.ts'

const most = { members: 30, calls: 5, bodyChars: 4_000, statuses: 20, yearSeconds: 366 * 86_400 }

const words = z
  .string()
  .min(1)
  .max(60)
  .regex(/^[\w.]+( [\w.]+)*$/, { error: 'is a name of words' })
const template = z.string().min(1).max(500)
const pointer = z
  .string()
  .max(200)
  .regex(/^(\/([^~/]|~[01])*)*$/, { error: 'is a JSON Pointer, as `/data/id`' })
const few = <S extends z.ZodType>(name: z.ZodString, value: S) =>
  z
    .record(name, value)
    .refine(one => Object.keys(one).length <= most.members, { error: 'are too many' })
const member = z.string().regex(/^[a-z][A-Za-z0-9]{0,30}$/, { error: 'is a word of a-z, A-Z, 0-9' })
const headerName = z
  .string()
  .regex(/^(?!(host|content-.*|transfer-.*|connection|cookie)$)[a-z][a-z0-9-]{1,60}$/, {
    error: 'is a header in lower case, and none of the connection',
  })
const queryName = z.string().regex(/^[\w.[\]-]{1,60}$/)
const scalar = z.union([z.string().max(100), z.number(), z.boolean(), z.null()])

/** `word`: nothing that means anything in an address; `text`: what a person can read. */
const kind = z.enum(['word', 'text'])

const callShape = z.strictObject({
  method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']),
  path: z
    .string()
    .max(300)
    .regex(/^(?!.*\/\.{1,2}(\/|$))(\/[\w.~:@{},=+-]*)+$/, {
      error: 'is a path below the address, without query',
    })
    .describe('Below `url`. A value stands in one segment, encoded'),
  query: few(queryName, template).optional(),
  body: z
    .json()
    .refine(body => JSON.stringify(body).length <= most.bodyChars, { error: 'is too long' })
    .optional()
    .describe('JSON; a string that is `{rights}` and no more becomes the list'),
  form: few(queryName, template).optional().describe('Instead of `body`'),
  as: z
    .enum(['admin', 'lease'])
    .optional()
    .describe('Whose credential is sent: ours (admin), or the one that was issued'),
})

/** A status, and where that does not say it alone, what stands in the answer. */
const outcome = z
  .strictObject({
    status: z.array(z.int().min(200).max(499)).min(1).max(most.statuses),
    at: pointer.optional(),
    is: z.array(scalar).min(1).max(most.statuses).optional(),
  })
  .refine(one => (one.at === undefined) === (one.is === undefined), {
    error: 'names `at` and `is`, or neither',
  })
  .refine(one => !one.status.includes(429), { error: 'is not 429, which says nothing but later' })

const ends = {
  endsAt: pointer.optional().describe('When it dies by itself: RFC 3339, or seconds since 1970'),
  endsIn: pointer.optional().describe('The same, in seconds from now'),
}

const issue = callShape.extend({
  answer: z.strictObject({
    secret: pointer.optional().describe('The credential, a text'),
    parts: few(member, pointer)
      .optional()
      .describe('Instead of `secret`: it is several texts; one named `id` is what it is found by'),
    shown: z.array(member).max(most.members).optional().describe('Parts that are no secret'),
    id: pointer.optional(),
    ...ends,
  }),
})

const item = z.strictObject({
  id: pointer,
  name: pointer.optional().describe('The name it was made with: what is ours is known by it'),
  madeAt: pointer.optional(),
  lastUsedAt: pointer.optional(),
  endsAt: pointer.optional(),
  creator: pointer.optional(),
  ended: z
    .strictObject({ at: pointer, is: z.array(scalar).min(1).max(most.statuses) })
    .optional()
    .describe('Where what ended stays in the list: what says so'),
})

const cursor = z.strictObject({
  query: queryName,
  at: pointer.optional().describe('Where the next one stands; without it, the id of the last item'),
  while: pointer.optional().describe('True while there is more'),
})
const list = callShape.extend({
  items: pointer,
  item,
  kind: z.enum(['account', 'key', 'role', 'app', 'token', 'secret']).optional(),
  paging: z
    .union([
      z.literal('none'),
      z.literal('link'),
      z.strictObject({ cursor }),
      z.strictObject({ page: z.strictObject({ query: queryName, from: z.int().min(0).max(1) }) }),
    ])
    .describe('`link` is RFC 8288; pages go on until one is empty'),
})

export const fileShape = z.strictObject({
  system: words.describe('What people call it'),
  url: urlShape.optional().describe('Where it is; what is connected may say another'),
  headers: few(headerName, template).optional().describe('Sent with every request'),
  admin: few(headerName, template).describe('How our credential is sent: `Bearer {credential}`'),
  sent: few(headerName, template).optional().describe('How an issued one is: `Bearer {secret}`'),
  settings: few(member, kind).optional().describe('Said when it is connected: `{setting.team}`'),
  object: few(member, kind).optional().describe('Said by a resource: `{object.project}`'),
  rights: z
    .partialRecord(z.enum(dataActions), z.array(z.string().min(1).max(200)).max(50))
    .optional()
    .describe('What each action is there: together they are `{rights}`'),
  gives: z
    .array(z.enum(dataActions))
    .min(1)
    .max(dataActions.length)
    .optional()
    .describe('Instead of `rights`: what every credential of it may do. Less is not issued'),
  limits: z
    .strictObject({
      lifeSeconds: z.int().min(120).max(most.yearSeconds).optional(),
      callsAtOnce: z.int().min(1).max(16).optional(),
    })
    .optional()
    .describe('`lifeSeconds`: none of its credentials lives longer; `{lifeSeconds}` asks for it'),
  issue,
  list: list.optional().describe('All of them: the first way to know that one is gone'),
  find: callShape
    .extend({ absent: outcome, id: pointer.optional() })
    .optional()
    .describe('One of them, by `{principal}` or `{id}`, where no list tells names'),
  check: callShape
    .extend({ accepted: outcome, refused: outcome })
    .optional()
    .describe('A call made with the credential: the second way to know that it is gone'),
  end: z
    .array(callShape.extend({ absent: outcome.optional() }))
    .min(1)
    .max(most.calls),
  renew: callShape.extend({ answer: z.strictObject(ends).optional() }).optional(),
  hold: callShape.optional(),
  release: callShape.optional(),
  sessions: z
    .union([z.literal('none'), callShape.extend({ count: pointer })])
    .optional()
    .describe('What is open: a number or a list; `none` where each request stands alone'),
  gateway: z
    .strictObject({ preset: z.enum(presetNames).optional(), rules: rulesShape.optional() })
    .optional()
    .describe('Requests of callers go through our gateway, classed by these rules'),
})

export type SystemFile = z.infer<typeof fileShape>
export type Call = z.infer<typeof callShape>
export type Outcome = z.infer<typeof outcome>
export type ListCall = z.infer<typeof list>

/** JSON Schema 2020-12, published as docs/declared-system.schema.json. */
export const fileSchema = {
  $id: `${product.typeBase}/declared-system.schema.json`,
  title: 'The file of a declared system',
  ...z.toJSONSchema(fileShape, { io: 'input', unrepresentable: 'any' }),
}
