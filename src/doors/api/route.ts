/**
 * One way to write a route: method, path, who may call, what goes in and what comes out, and a
 * handler that gets parsed values. The table of all routes is what the OpenAPI document and the tests
 * of the doors are made from, so a route can not exist beside it.
 */
import type { OpenAPIHono, z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { type Json, parseJson } from '../../core/base/json.ts'
import { limits } from '../../core/base/limits.ts'
import { Problem } from '../../core/base/problem.ts'
import { type Caller, type CallerWorld, callerOf, type KnownCaller } from './caller.ts'

export type Who = 'anyone' | 'signed-in' | 'person' | 'identity'

export interface RouteDefinition<B extends z.ZodType, A extends z.ZodType, W extends Who> {
  readonly method: 'get' | 'post' | 'put'
  readonly path: string
  /** One sentence for the reference. */
  readonly says: string
  /** Policy decides what a caller may do; this only says whether somebody must be known at all. */
  readonly who: W
  readonly query?: z.ZodObject
  readonly body?: B
  /** Null: the handler answers by itself (text, a file). */
  readonly answer: A | null
  readonly status?: 200 | 201
}

export interface Call<B, W extends Who> {
  readonly caller: W extends 'anyone'
    ? Caller
    : W extends 'signed-in'
      ? KnownCaller
      : Extract<KnownCaller, { kind: W }>
  readonly body: B
  param(name: string): string
  /** A query parameter, bounded; undefined when absent. Given twice it is refused. */
  query(name: string): string | undefined
  header(name: string): string | undefined
  readonly context: Context
}

export interface RouteEntry {
  readonly method: string
  readonly path: string
  readonly who: Who
}

export class Routes {
  readonly app: OpenAPIHono
  readonly table: RouteEntry[] = []
  readonly #world: CallerWorld

  constructor(app: OpenAPIHono, world: CallerWorld) {
    this.app = app
    this.#world = world
  }

  add<B extends z.ZodType, A extends z.ZodType, W extends Who>(
    definition: RouteDefinition<B, A, W>,
    handle: (call: Call<z.output<B>, W>) => Promise<z.input<A> | Response>,
  ): void {
    const { method, path, who } = definition
    this.table.push({ method, path, who })
    this.#document(definition)
    this.app.on(method.toUpperCase(), path, async context => {
      const caller = await callerOf(this.#world, context)
      checkWho(caller, who)
      const body =
        definition.body === undefined ? undefined : await readBody(context, definition.body)
      const answer = await handle({
        caller: caller as Call<z.output<B>, W>['caller'],
        body: body as z.output<B>,
        context,
        param: name => paramOf(context, name),
        query: name => queryOf(context, name),
        header: name => context.req.header(name),
      })
      if (answer instanceof Response) return answer
      context.header('cache-control', 'no-store')
      return context.json(answer as object, definition.status ?? 200)
    })
  }

  #document<B extends z.ZodType, A extends z.ZodType, W extends Who>(
    definition: RouteDefinition<B, A, W>,
  ): void {
    const { method, path, says, who, query, body, answer, status = 200 } = definition
    this.app.openAPIRegistry.registerPath({
      method,
      path: path.replaceAll(/:(\w+)/g, '{$1}'),
      summary: says,
      ...(who === 'anyone' ? {} : { security: [{ bearer: [] }] }),
      request: {
        ...(query === undefined ? {} : { query }),
        ...(body === undefined
          ? {}
          : { body: { content: { 'application/json': { schema: body } } } }),
      },
      responses: {
        [status]: {
          description: says,
          ...(answer === null ? {} : { content: { 'application/json': { schema: answer } } }),
        },
      },
    })
  }
}

function checkWho(caller: Caller, who: Who): void {
  if (who === 'anyone') return
  if (caller.kind === 'nobody')
    throw new Problem('not-signed-in', { detail: 'You are not signed in.', next: 'Run `login`.' })
  if (who === 'person' && caller.kind !== 'person')
    throw new Problem('human-required', {
      detail: 'A person must do this; a workload can not.',
      next: 'Ask the owner of the app.',
    })
  if (who === 'identity' && caller.kind !== 'identity')
    throw new Problem('not-attested', {
      detail: 'This needs a task token.',
      next: 'Exchange a CI token or your own at /oauth/token first.',
    })
}

async function readBody<B extends z.ZodType>(context: Context, schema: B): Promise<z.output<B>> {
  const type = context.req.header('content-type')?.split(';')[0]?.trim().toLowerCase()
  if (type !== 'application/json')
    throw new Problem('unsupported-media-type', {
      detail: 'The body must be application/json.',
      next: 'Send `content-type: application/json`.',
    })
  const declared = Number(context.req.header('content-length') ?? '0')
  if (declared > limits.bodyBytes)
    throw new Problem('too-large', { detail: `The body is larger than ${limits.bodyBytes} bytes.` })
  const value: Json = parseJson(await readText(context))
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const field = (issue?.path ?? []).map(part => `/${String(part)}`).join('')
  throw new Problem('invalid-field', {
    field: field === '' ? '/' : field,
    detail: `\`${field === '' ? 'the body' : field}\`: ${issue?.message ?? 'is not valid'}.`,
    next: 'See /openapi.json for the shape.',
  })
}

/** Reads at most the limit, whatever was declared. */
async function readText(context: Context): Promise<string> {
  const { body } = context.req.raw
  if (body === null) return ''
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
    size += chunk.length
    if (size > limits.bodyBytes)
      throw new Problem('too-large', {
        detail: `The body is larger than ${limits.bodyBytes} bytes.`,
      })
    chunks.push(chunk)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks))
  } catch (cause) {
    throw new Problem('bad-json', { detail: 'The body is not UTF-8.', cause })
  }
}

function paramOf(context: Context, name: string): string {
  const value = context.req.param(name)
  if (value === undefined || value.length > 200)
    throw new Problem('not-found', { detail: 'There is no such thing.' })
  return value
}

function queryOf(context: Context, name: string): string | undefined {
  const values = context.req.queries(name) ?? []
  if (values.length > 1)
    throw new Problem('bad-request', { field: name, detail: `\`${name}\` is given twice.` })
  const [value] = values
  if (value !== undefined && value.length > 300)
    throw new Problem('bad-request', { field: name, detail: `\`${name}\` is too long.` })
  return value === '' ? undefined : value
}
