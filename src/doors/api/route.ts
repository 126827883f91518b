/**
 * One way to write a route: who may call which place, what comes out, what goes in, and a handler that
 * gets parsed values. The table of all routes is what the OpenAPI document and the tests of the doors
 * are made from, so a route can not exist beside it. What is answered is cut to its shape: a member
 * the contract does not name never leaves.
 */
import type { OpenAPIHono, z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import type { AnyId } from '../../core/base/ids.ts'
import type { JsonObject } from '../../core/base/json.ts'
import { limits } from '../../core/base/limits.ts'
import type { ActionName, Permit } from '../../core/base/permit.ts'
import { Problem, problemOf } from '../../core/base/problem.ts'
import { decide } from '../../core/policy/decide.ts'
import type { AboutType } from '../../core/policy/question.ts'
import { isJson, readBytes, readJson, tooLarge } from './body.ts'
import { type Caller, type CallerWorld, callerOf, type KnownCaller } from './caller.ts'
import { allowed } from './permitted.ts'
import { creating, type Place, reference } from './reference.ts'
import type { ApiWorld } from './world.ts'

export type Who = 'anyone' | 'signed-in' | 'person' | 'identity'
/** `person POST /v1/apps`: policy decides what a caller may do; this, who must be known at all. */
export type Head = `${Who} ${Place}`
type WhoOf<H extends Head> = H extends `${infer W} ${string}` ? W : never
type CallerOf<W> = W extends 'anyone'
  ? Caller
  : W extends 'signed-in'
    ? KnownCaller
    : Extract<KnownCaller, { kind: W }>

export interface Call<I, C> {
  readonly caller: C
  /** The body, or of a GET the query, parsed. */
  readonly input: I
  readonly context: Context
  param(name: string): string
  /** Asks policy for the caller: the permit, or the denial as an answer, recorded. */
  readonly ask: <A extends ActionName>(
    action: A,
    type: AboutType,
    id: AnyId,
    draft?: JsonObject,
  ) => Promise<Permit<A>>
}

type Handle<H extends Head, I, A extends z.ZodType> = (
  call: Call<I, CallerOf<WhoOf<H>>>,
) => Promise<z.input<A> | Response>

export interface Route {
  readonly who: Who
  readonly method: 'GET' | 'POST' | 'PUT'
  readonly path: string
  readonly input: z.ZodType | undefined
}

export class Routes {
  readonly app: OpenAPIHono
  readonly table: Route[] = []
  readonly #world: ApiWorld & CallerWorld

  constructor(app: OpenAPIHono, world: ApiWorld & CallerWorld) {
    this.app = app
    this.#world = world
  }

  /** `answer` null: the handler answers by itself (text, a file). */
  add<H extends Head, A extends z.ZodType>(
    head: H,
    answer: A | null,
    handle: Handle<H, undefined, A>,
  ): void
  add<H extends Head, A extends z.ZodType, I extends z.ZodType>(
    head: H,
    answer: A | null,
    input: I,
    handle: Handle<H, z.output<I>, A>,
  ): void
  add(
    head: Head,
    answer: z.ZodType | null,
    ...rest: [Handle<Head, never, z.ZodType>] | [z.ZodType, Handle<Head, never, z.ZodType>]
  ): void {
    const [who, method, path] = head.split(' ') as [Who, Route['method'], string]
    const place = `${method} ${path}` as Place
    const input = rest.length === 2 ? rest[0] : undefined
    const handle = rest.length === 2 ? rest[1] : rest[0]
    const route: Route = { who, method, path, input }
    const status = creating.has(place) ? 201 : 200
    this.table.push(route)
    this.#document(route, answer, { place, status })
    this.app.on(method, path, async context => {
      const caller = await callerOf(this.#world, context)
      checkWho(caller, who)
      const call: Call<unknown, Caller> = {
        caller,
        input: input === undefined ? undefined : await readInput(context, input),
        context,
        param: name => paramOf(context, name),
        ask: async (action, type, id, draft) => {
          if (caller.kind === 'nobody') throw notSignedIn()
          const question = { actor: caller.actor, action, about: { type, id, draft } }
          return (await allowed(this.#world, decide(this.#world, question))).permit
        },
      }
      const answered: unknown = await handle(call as Call<never, KnownCaller>)
      if (answered instanceof Response) return answered
      context.header('cache-control', 'no-store')
      return context.json(answer?.parse(answered) as object, status)
    })
  }

  #document(
    { who, method, path, input }: Route,
    answer: z.ZodType | null,
    { place, status }: { place: Place; status: number },
  ): void {
    const json = (schema: z.ZodType) => ({ content: { 'application/json': { schema } } })
    const takes =
      method === 'GET' ? { query: input as z.ZodObject } : { body: json(input as z.ZodType) }
    this.app.openAPIRegistry.registerPath({
      method: method.toLowerCase() as 'get' | 'post' | 'put',
      path: path.replaceAll(/:(\w+)/g, '{$1}'),
      summary: reference[place],
      ...(who === 'anyone' ? {} : { security: [{ bearer: [] }] }),
      request: input === undefined ? {} : takes,
      responses: {
        [status]: { description: reference[place], ...(answer === null ? {} : json(answer)) },
      },
    })
  }
}

function checkWho(caller: Caller, who: Who): void {
  if (who === 'anyone') return
  if (caller.kind === 'nobody') throw notSignedIn()
  if (who === 'person' && caller.kind !== 'person') throw problemOf('person-needed')
  if (who === 'identity' && caller.kind !== 'identity') throw problemOf('needs-task-token')
}

function notSignedIn(): Problem {
  return new Problem('not-signed-in', { detail: 'You are not signed in.', next: 'Run `login`.' })
}

async function readInput(context: Context, schema: z.ZodType): Promise<unknown> {
  const isQuery = context.req.method === 'GET'
  const parsed = schema.safeParse(isQuery ? readQuery(context) : await readBody(context))
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const path = (issue?.path ?? []).map(String)
  const field = isQuery ? path.join('.') : `/${path.join('/')}`
  throw new Problem(isQuery ? 'bad-request' : 'invalid-field', {
    field,
    detail: `\`${field === '/' ? 'the body' : field}\`: ${issue?.message ?? 'is not valid'}.`,
    next: 'See /openapi.json for the shape.',
  })
}

function readQuery(context: Context): Record<string, string> {
  const said = Object.entries(context.req.queries())
  for (const [name, [value = '', ...more]] of said)
    if (more.length > 0 || value.length > 300)
      throw problemOf('parameter-twice-or-too-long', { field: name.slice(0, 80) })
  const values = said.map(([name, [value = '']]) => [name, value])
  return Object.fromEntries(values.filter(([, value]) => value !== '')) as Record<string, string>
}

/** Reads at most the limit, whatever was declared. Nothing at all is an empty object. */
async function readBody({ req }: Context): Promise<unknown> {
  if (Number(req.header('content-length') ?? '0') > limits.bodyBytes)
    throw tooLarge(limits.bodyBytes)
  const bytes = await readBytes(req.raw.body, limits.bodyBytes)
  const type = req.header('content-type')
  if (type === undefined && bytes.length === 0) return {}
  if (isJson(type)) return readJson(bytes)
  throw problemOf('body-not-json')
}

function paramOf(context: Context, name: string): string {
  const value = context.req.param(name)
  if (value === undefined || value.length > 200)
    throw new Problem('not-found', { detail: 'There is no such thing.' })
  return value
}
