/**
 * What a person writes to connect a system by its file, and what a resource may name there: parsed once,
 * with bounds. No I/O.
 */
import { z } from 'zod'
import { isObject, type Json } from '../../src/core/base/json.ts'
import { dataActions } from '../../src/core/base/permit.ts'
import { safeText } from '../../src/core/base/text.ts'
import { plain, readShape, secretShape, urlShape } from '../rest/config.ts'
import type { Values } from './fill.ts'
import { parsePlainYaml } from './plain-yaml.ts'
import { whatIsWrong } from './sense.ts'
import { fileShape, type SystemFile } from './shape.ts'

const page = 'docs/connectors/declared.md'
const most = { textChars: 200 }

const shapes = {
  word: z.string().regex(/^[A-Za-z0-9][\w.:@-]{0,99}$/, { error: 'is a word of ASCII' }),
  text: z
    .string()
    .min(1)
    .max(most.textChars)
    .refine(text => safeText(text) === text && text.trim() === text, {
      error: 'is a text, none of it invisible',
    }),
} as const

type Kinds = Readonly<Record<string, keyof typeof shapes>> | undefined
const shapeOf = (kinds: Kinds = {}) =>
  z.strictObject(
    Object.fromEntries(Object.entries(kinds).map(([name, kind]) => [name, shapes[kind]])),
  )

const configShape = z.strictObject({
  file: fileShape.superRefine((file, context) => {
    for (const { path, says } of whatIsWrong(file))
      context.addIssue({ code: 'custom', path: [...path], message: says })
  }),
  url: urlShape.optional(),
  credential: secretShape,
  probe: z
    .union([secretShape, z.record(z.string().max(30), secretShape)], {
      error: 'is a credential of nobody’s lease, whole or by its parts',
    })
    .optional(),
  settings: z.json().optional(),
  canary: z.json().optional(),
})

export interface DeclaredConfig {
  readonly file: SystemFile
  readonly url: string
  readonly credential: string
  readonly probe?: string | Readonly<Record<string, string>> | undefined
  readonly settings: Readonly<Record<string, string>>
  readonly canary: Readonly<Record<string, string>>
}

/** Throws `Problem` `invalid-field`. Parsing its own result gives the same. */
export function parseConfig(input: Json): DeclaredConfig & Json {
  const text = isObject(input) ? input['file'] : undefined
  const given =
    isObject(input) && typeof text === 'string' ? { ...input, file: parsePlainYaml(text) } : input
  const config = readShape(configShape, given, { name: 'connect', page })
  const { file } = config
  const at = (name: string) => ({ name: `connect.${name}`, page })
  const url = readShape(urlShape, config.url ?? file.url ?? null, at('url'))
  const settings = readShape(shapeOf(file.settings), config.settings ?? {}, at('settings'))
  const canary = readShape(shapeOf(file.object), config.canary ?? {}, at('canary'))
  return plain({ ...config, file: plain(file), url, settings, canary })
}

/**
 * What a resource names. Each system has fields of its own, which are looked at when it is used: here
 * nobody says which system it is.
 */
export function parseObject(input: Json): Json {
  const shape = z
    .record(z.string().regex(/^[a-z][A-Za-z0-9]{0,30}$/), shapes.text)
    .refine(one => Object.keys(one).length <= 30, { error: 'are too many' })
  return readShape(shape, input ?? {}, { name: 'object', page })
}

/** As placeholders. Throws where the resource does not name what the file declares, and nothing else. */
export function objectValues({ file }: DeclaredConfig, object: Json): Values {
  const read = readShape(shapeOf(file.object), object, { name: 'object', page })
  return prefixed('object', read)
}

/** Of what may have been made: nothing was by a resource that does not fit, and that must not stop an end. */
export function knownValues(config: DeclaredConfig, object: Json): Values {
  try {
    return objectValues(config, object)
  } catch {
    return {}
  }
}

export function settingValues({ settings }: DeclaredConfig): Values {
  return prefixed('setting', settings)
}

export function prefixed(prefix: string, members: Readonly<Record<string, Json>>): Values {
  return Object.fromEntries(
    Object.entries(members).map(([name, value]) => [`${prefix}.${name}`, value]),
  )
}

/** The least that a credential of it may do: what a canary is given. */
export function leastAction({ file }: DeclaredConfig) {
  const offered = file.gives ?? dataActions.filter(action => file.rights?.[action] !== undefined)
  return file.gives ? offered : offered.slice(0, 1)
}
