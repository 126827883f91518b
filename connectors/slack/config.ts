/**
 * What a person writes to connect Slack, and what a resource may name there: parsed once, with bounds.
 * No I/O.
 */
import { z } from 'zod'
import type { Json } from '../../src/core/base/json.ts'
import { plain, readShape, rulesShape, secretShape, urlShape } from '../rest/config.ts'

const page = 'docs/connectors/slack.md'

const token = (kind: string, error: string) =>
  z
    .string()
    .max(500)
    .regex(new RegExp(`^${kind}-[\\w-]{10,}$`), { error })

const configShape = z
  .strictObject({
    /**
     * Of an app without token rotation. One that rotates (`xoxe.…`) ends after twelve hours, each new
     * one takes a refresh token that is good once, and a connector keeps nothing: the next start of the
     * server would have lost it.
     */
    botToken: token('xoxb', 'is the token of a bot without token rotation: `xoxb-…`'),
    plan: z.enum(['standard', 'enterprise']),
    clientId: z
      .string()
      .regex(/^\d{3,20}\.\d{3,20}$/, { error: 'is as Slack writes it: two numbers and a dot' })
      .optional(),
    clientSecret: secretShape.optional(),
    adminToken: token('xoxp', 'is the token of a person: `xoxp-…`').optional(),
    enterpriseId: z
      .string()
      .regex(/^E[A-Z0-9]{2,20}$/)
      .optional(),
    url: urlShape.default('https://slack.com'),
  })
  .refine(one => !one.clientId === !one.clientSecret, {
    error: 'has `clientId` and `clientSecret` or neither',
  })
  .refine(one => one.plan === 'enterprise' || !one.enterpriseId, {
    error: 'has `enterpriseId` on the plan `enterprise` alone',
  })

const objectShape = z
  .strictObject({
    /** The resource is the whole app: it is uninstalled when the lease ends. */
    app: z.literal(true).optional(),
    rules: rulesShape,
  })
  .default({ rules: [] })

export type SlackConfig = z.infer<typeof configShape>
export type SlackObject = z.infer<typeof objectShape>

export function parseConfig(input: Json): SlackConfig & Json {
  return plain(readShape(configShape, input, { name: 'connect', page }))
}

export function parseObject(input: Json): SlackObject & Json {
  return plain(readShape(objectShape, input, { name: 'object', page }))
}
