/**
 * What a person writes to connect GitHub, and what a resource may name there: parsed once, with bounds.
 * No I/O.
 */
import { z } from 'zod'
import type { Json } from '../../src/core/base/json.ts'
import { type DataAction, dataActions } from '../../src/core/base/permit.ts'
import { Problem } from '../../src/core/base/problem.ts'
import { isRsaKey, plain, readShape, urlShape } from '../rest/config.ts'

const page = 'docs/connectors/github.md'
const most = { permissions: 30, pemChars: 8_000 }

/** GitHub's own grammar. ATTACKER: a name that is another path (`..`, `%2f`, look-alike letters). */
const owner = '[A-Za-z0-9](?:-?[A-Za-z0-9]){0,38}'
const repository = new RegExp(`^${owner}/(?!\\.{1,2}$)[A-Za-z0-9._-]{1,100}(?<!\\.git)$`)

const configShape = z
  .strictObject({
    appId: z.int().positive().optional(),
    clientId: z
      .string()
      .regex(/^[\w.-]{5,60}$/)
      .optional(),
    privateKeyPem: z.string().max(most.pemChars).refine(isRsaKey, { error: 'is an RSA key (PEM)' }),
    installationId: z.int().positive(),
    organisation: z.string().regex(new RegExp(`^${owner}$`)),
    url: urlShape.default('https://api.github.com'),
  })
  .refine(one => !one.appId !== !one.clientId, { error: 'has `appId` or `clientId`' })

const levels = ['read', 'write', 'admin'] as const
/** Writing what these name gives rights, or takes them, from somebody. */
const raising =
  /^(actions|administration|environments|members|repository_hooks|workflows|.*secrets|.*variables|organization_.*)$/
const permissionsShape = z
  .record(z.string().regex(/^[a-z][a-z_]{2,60}$/, { error: 'is a permission' }), z.enum(levels))
  .refine(each => Object.keys(each).length <= most.permissions, { error: 'are too many' })

const objectShape = z
  .strictObject({
    repository: z.string().regex(repository, { error: 'is `organisation/repository`' }),
    /** The repository's own id, which no other ever has: a name can be given to another one. */
    id: z.int().positive().optional(),
    /** The repository is ended and archived when the lease ends. */
    ends: z.literal(true).optional(),
    permissions: z
      .partialRecord(z.enum(dataActions), permissionsShape)
      .refine(one => Object.keys(one).length > 0, { error: 'name at least one action' })
      .refine(({ read = {} }) => Object.values(read).every(level => level === 'read'), {
        error: 'of `read` are all `read`',
      })
      .refine(each => Object.entries(each).every(isFitting), {
        error: 'that give rights to others stand under `change-privilege`',
      }),
  })
  .refine(one => one.ends === undefined || one.id !== undefined, {
    error: 'that `ends` is named by its `id` too: a name can be given to another one',
  })

export type GithubConfig = z.infer<typeof configShape>
export type GithubObject = z.infer<typeof objectShape>
/** As GitHub names them: `{contents: 'read'}`. */
export type Permissions = Readonly<Record<string, (typeof levels)[number]>>

export function parseConfig(input: Json): GithubConfig & Json {
  return plain(readShape(configShape, input, { name: 'connect', page }))
}

export function parseObject(input: Json): GithubObject & Json {
  return plain(readShape(objectShape, input, { name: 'object', page }))
}

/** The permissions of these actions together, each at its strongest; and to be there at all. */
export function permissionsOf(object: GithubObject, actions: readonly DataAction[]): Permissions {
  const all: Record<string, (typeof levels)[number]> = { metadata: 'read' }
  for (const action of actions) {
    const asked = object.permissions[action]
    if (asked === undefined)
      throw new Problem('target-refused', {
        detail: `The resource does not say what \`${action}\` is at GitHub.`,
        next: `Name its permissions in the resource: ${page}`,
      })
    for (const [name, level] of Object.entries(asked))
      if (!covers(all[name], level)) all[name] = level
  }
  return all
}

export function covers(has: Json | undefined, asked: Json): boolean {
  const rank = (level: Json | undefined) => levels.findIndex(each => each === level)
  return rank(asked) >= 0 && rank(has) >= rank(asked)
}

function isFitting([action, of = {}]: [string, Permissions | undefined]): boolean {
  const isRaising = ([name, level]: [string, string]) => level !== 'read' && raising.test(name)
  return action === 'change-privilege' || !Object.entries(of).some(isRaising)
}
