/**
 * Slack's published description of its Web API (Swagger 2, `slackapi/slack-api-specs`), in the form the
 * judge knows. It lies in the folder that LEASEHOLD_VENDOR_API names; without it nothing is judged.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import {
  type Contract,
  contractOf,
  type Document,
  type Parameter,
  type Schema,
} from './contract.ts'

const folder = process.env['LEASEHOLD_VENDOR_API'] ?? ''
const file = join(folder, 'slack-web-openapi-v2.json.gz')
export const hasSlackContract = folder !== '' && existsSync(file)

/** On docs.slack.dev, and younger than the description. */
const younger: Readonly<Record<string, readonly string[]>> = {
  '/team.integrationLogs': ['team_id'],
}

interface Swagger {
  readonly definitions: Readonly<Record<string, unknown>>
  readonly paths: Readonly<Record<string, Readonly<Record<string, SwaggerOperation>>>>
}
interface SwaggerOperation {
  readonly parameters?: readonly (Parameter & { readonly type?: string })[]
  readonly responses: Readonly<Record<string, { readonly schema?: unknown }>>
}

let opened: Contract | undefined

export function slackContract(): Contract | undefined {
  if (!hasSlackContract) return undefined
  opened ??= contractOf(convert(JSON.parse(gunzipSync(readFileSync(file)).toString()) as Swagger))
  return opened
}

function convert({ definitions, paths }: Swagger): Document {
  const converted = Object.entries(paths).map(([path, methods]) => {
    const [operation] = Object.values(methods)
    // Slack takes GET and POST for all it does, and a form as it takes a query.
    const both = operation && convertOperation(operation, younger[path] ?? [])
    return [path, both ? { get: both, post: both } : {}] as const
  })
  return {
    paths: Object.fromEntries(converted),
    definitions: convertSchema(definitions),
  } as Document
}

function convertOperation(
  { parameters = [], responses }: SwaggerOperation,
  more: readonly string[],
) {
  const known = parameters.filter(({ name }) => name !== 'token')
  const query = known.map(({ name, type }) => ({ name, in: 'query', schema: { type } as Schema }))
  const schema = convertSchema(responses['200']?.schema ?? {}) as Schema
  return {
    parameters: [...query, ...more.map(name => ({ name, in: 'query', schema: {} }))],
    responses: { '200': { content: { 'application/json': { schema } } } },
  }
}

/** Where Swagger has no word for one of several, Slack writes a list: of `items`, or of types. */
function convertSchema(given: unknown): unknown {
  if (Array.isArray(given)) return given.map(convertSchema)
  if (typeof given !== 'object' || given === null) return given
  const { items, type, required, ...rest } = Object.fromEntries(
    Object.entries(given).map(([name, value]) => [name, convertSchema(value)]),
  )
  // As the page of the method shows it: a log is of a service or of an app.
  const isLog = Object.hasOwn(Object(rest['properties']), 'service_type')
  const musts = Array.isArray(required) ? (required as string[]) : []
  const types = Array.isArray(type) ? (type as string[]) : []
  const plain = types.filter(each => each !== 'null')
  const isNullable = types.includes('null') || type === 'null'
  return {
    ...rest,
    ...(musts.length > 0 && { required: musts.filter(name => !isLog || !name.startsWith('app_')) }),
    ...(Array.isArray(items) ? { anyOf: items as Schema[] } : items !== undefined && { items }),
    ...(typeof type === 'string' && type !== 'null' && { type }),
    ...(plain.length === 1 && { type: plain[0] }),
    ...(plain.length > 1 && { anyOf: plain.map(each => ({ type: each })) }),
    ...(isNullable && { nullable: true }),
  }
}
