/**
 * A vendor's published description of its API (OpenAPI 3.0), as a judge: is this a request it knows, is
 * that an answer it gives. Knows the part of JSON Schema such documents use; not a validator for others.
 *
 * Stricter than the document where that finds mistakes of ours: a member nobody described is a breach.
 */
import { readFileSync } from 'node:fs'

export interface Schema {
  readonly $ref?: string
  readonly type?: string
  readonly nullable?: boolean
  readonly enum?: readonly unknown[]
  readonly format?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean | Schema
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly allOf?: readonly Schema[]
  readonly minimum?: number
  readonly maximum?: number
  readonly maxItems?: number
}
export interface Parameter {
  readonly $ref?: string
  readonly name: string
  readonly in: string
  readonly required?: boolean
  readonly schema?: Schema
}
interface Body {
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>
}
export interface Operation {
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: Body & { readonly required?: boolean }
  readonly responses: Readonly<Record<string, Body & { readonly $ref?: string }>>
}
/** By method; parameters that all of them take may stand beside them. */
type Place = Readonly<Record<string, Operation>> & { readonly parameters?: Operation['parameters'] }
export interface Document {
  readonly paths: Readonly<Record<string, Place>>
}

export interface Asked {
  readonly method: string
  /** Path and query. */
  readonly path: string
}

/** Any operation may answer so without saying it: who asks is nobody, has no right, or asks too much. */
const unsaid = [401, 403, 404, 422, 429, 500, 502, 503]

/** Of the package that `test/conformance/github/` installs. */
export const githubDescription = new URL(
  '../conformance/github/node_modules/@octokit/openapi/generated/ghec.json',
  import.meta.url,
)

export function openContract(file: URL): Contract {
  return contractOf(JSON.parse(readFileSync(file, 'utf8')) as Document)
}

export function contractOf(document: Document) {
  const places = Object.entries(document.paths).map(([path, methods]) => ({
    names: path.split('/'),
    methods,
  }))

  function operationOf({ method, path }: Asked): Operation | undefined {
    const parts = (path.split('?')[0] ?? '').split('/')
    const isAt = (names: readonly string[]) =>
      names.length === parts.length &&
      names.every((name, i) => name.startsWith('{') || name === parts[i])
    const fixed = (names: readonly string[]) => names.filter(name => !name.startsWith('{')).length
    const found = places
      .filter(({ names, methods }) => isAt(names) && methods[method.toLowerCase()] !== undefined)
      .sort((a, b) => fixed(b.names) - fixed(a.names))[0]
    const own = found?.methods[method.toLowerCase()]
    const shared = found?.methods.parameters ?? []
    return own && { ...own, parameters: [...shared, ...(own.parameters ?? [])] }
  }

  function follow<T extends { readonly $ref?: string }>(one: T): T {
    if (one.$ref === undefined) return one
    const names = one.$ref.replace('#/', '').split('/')
    return follow(names.reduce<unknown>((at, name) => Reflect.get(Object(at), name), document) as T)
  }

  /** With what it refers to, and what it is all of, as one. */
  function resolve(one: Schema): Schema {
    const { allOf, ...own } = follow(one)
    if (allOf === undefined) return own
    return [own, ...allOf.map(resolve)].reduce((all, part) => {
      const shared = Object.entries(part.properties ?? {}).map(([name, schema]) => {
        const known = all.properties?.[name]
        return [name, known === undefined ? schema : { allOf: [known, schema] }]
      })
      return {
        ...all,
        ...part,
        properties: { ...all.properties, ...Object.fromEntries(shared) },
        required: [...(all.required ?? []), ...(part.required ?? [])],
      }
    })
  }

  const jsonOf = (body: Body | undefined): Schema | undefined =>
    body?.content?.['application/json']?.schema

  /** What is wrong with a request; nothing where it is one the vendor knows. */
  function judgeRequest(asked: Asked, body: unknown): string[] {
    const operation = operationOf(asked)
    if (operation === undefined) return [`no operation ${asked.method} ${asked.path}`]
    const known = (operation.parameters ?? []).map(follow).filter(each => each.in === 'query')
    const given = [...new URL(asked.path, 'http://x').searchParams]
    const wrong = given.flatMap(([name, text]) => {
      const found = known.find(each => each.name === name)
      if (found === undefined) return [`no parameter ${name} of ${asked.path}`]
      const schema = resolve(found.schema ?? {})
      const isFlag = schema.type === 'boolean' && /^(true|false)$/.test(text)
      const value = schema.type === 'integer' ? Number(text) : isFlag ? text === 'true' : text
      return check(schema, value, `?${name}`)
    })
    const schema = jsonOf(operation.requestBody)
    if (body === undefined) return wrong
    return [...wrong, ...(schema ? check(schema, body, 'body') : ['a body nobody described'])]
  }

  function judgeAnswer(asked: Asked, status: number, body: unknown): string[] {
    const operation = operationOf(asked)
    const described = operation?.responses[status]
    if (described === undefined)
      return unsaid.includes(status)
        ? []
        : [`${asked.method} ${asked.path} never answers ${status}`]
    const schema = jsonOf(follow(described))
    const said = `${asked.method} ${asked.path} ${status}`
    if (schema === undefined) return body === undefined ? [] : [`${said} has no body`]
    return check(schema, body, said)
  }

  function check(unresolved: Schema, value: unknown, at: string): string[] {
    const schema = resolve(unresolved)
    const isFree = schema.nullable === true || schema.type === undefined
    if (value === null) return isFree ? [] : [`${at} is null`]
    const among = schema.anyOf ?? schema.oneOf
    if (among)
      return among.some(each => check(each, value, at).length === 0) ? [] : [`${at} is none`]
    if (schema.enum && !schema.enum.includes(value)) return [`${at} is not one of its values`]
    if (Array.isArray(value)) return checkList(schema, value, at)
    if (typeof value === 'object' && value !== undefined) return checkObject(schema, value, at)
    return checkScalar(schema, value, at)
  }

  function checkList(schema: Schema, value: readonly unknown[], at: string): string[] {
    if (schema.type !== 'array') return [`${at} is a list`]
    const over = value.length > (schema.maxItems ?? Infinity) ? [`${at} is too long`] : []
    return [...over, ...value.flatMap((each, i) => check(schema.items ?? {}, each, `${at}[${i}]`))]
  }

  function checkObject(schema: Schema, value: object, at: string): string[] {
    const { properties = {}, additionalProperties: more } = schema
    if (schema.type !== 'object' && schema.properties === undefined)
      return schema.type === undefined ? [] : [`${at} is an object`]
    const missing = (schema.required ?? []).filter(name => !Object.hasOwn(value, name))
    const wrong = Object.entries(value).flatMap(([name, member]) => {
      const own = properties[name] ?? (typeof more === 'object' ? more : undefined)
      if (own !== undefined) return check(own, member, `${at}.${name}`)
      return more === true || isOpen(schema) ? [] : [`${at}.${name} is described nowhere`]
    })
    return [...missing.map(name => `${at}.${name} is missing`), ...wrong]
  }

  const answerOf = (asked: Asked, status: number): Schema | undefined => {
    const described = operationOf(asked)?.responses[status]
    return described && jsonOf(follow(described))
  }
  return { judgeRequest, judgeAnswer, answerOf, resolve, check }
}

export type Contract = ReturnType<typeof contractOf>

/** GitHub's list of permissions names fewer than its documentation does. */
function isOpen({ properties = {} }: Schema): boolean {
  return Object.keys(properties).length === 0 || 'pull_requests' in properties
}

function checkScalar(schema: Schema, value: unknown, at: string): string[] {
  const is = typeof value
  if (schema.type === undefined) return []
  if (schema.type === 'integer' ? !Number.isInteger(value) : is !== schema.type)
    return [`${at} is no ${schema.type}`]
  if (typeof value === 'number')
    return value < (schema.minimum ?? -Infinity) || value > (schema.maximum ?? Infinity)
      ? [`${at} is out of bounds`]
      : []
  const isTime = schema.format !== 'date-time' || !Number.isNaN(Date.parse(String(value)))
  const isUri = schema.format !== 'uri' || URL.canParse(String(value))
  return isTime && isUri ? [] : [`${at} is no ${schema.format}`]
}

/** An answer with these facts, and of everything else that must be there something plain. */
export function complete(contract: Contract, unresolved: Schema, facts?: unknown): unknown {
  const schema = contract.resolve(unresolved)
  if (facts === null || (facts === undefined && schema.nullable === true)) return null
  const among = schema.anyOf ?? schema.oneOf
  if (among) {
    const all = among.map(each => complete(contract, each, facts))
    return all.find((one, i) => contract.check(among[i] ?? {}, one, '').length === 0) ?? all[0]
  }
  if (schema.type === 'array') {
    if (facts !== undefined && !Array.isArray(facts)) return facts
    return (facts ?? []).map((each: unknown) => complete(contract, schema.items ?? {}, each))
  }
  if (schema.type === 'object' || schema.properties !== undefined) {
    const { properties = {}, required = [] } = schema
    const given = (facts ?? {}) as Record<string, unknown>
    const names = new Set([...required, ...Object.keys(given)])
    return Object.fromEntries(
      [...names].map(name => {
        const own = properties[name]
        return [name, own === undefined ? given[name] : complete(contract, own, given[name])]
      }),
    )
  }
  return facts ?? schema.enum?.[0] ?? plainOf(schema)
}

function plainOf({ type, format, minimum }: Schema): unknown {
  if (type === 'integer' || type === 'number') return minimum ?? 1
  if (type === 'boolean') return false
  if (format === 'date-time') return '2026-01-01T00:00:00Z'
  return format === 'uri' ? 'https://api.github.com/x' : 'x'
}
