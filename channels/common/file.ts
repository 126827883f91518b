/**
 * The file that names the channels, and those beside it that hold their secrets: read once, at the start. What it
 * can not use it refuses to start with, naming the line; never what stands there. ATTACKER: who may write it has
 * us call any address and carries our notices there, so it must be our own file as a key is.
 */
import { readFileSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import * as yaml from 'yaml'
import { z } from 'zod'
import { Problem } from '../../src/core/base/problem.ts'
import { kinds } from './channel.ts'

const most = { bytes: 64 * 1024, channels: 20, secretBytes: 4096 }

/** What every channel says of itself. */
export const common = {
  name: z.string().regex(/^[a-z][a-z0-9-]{0,39}$/, { error: 'is a name, as `ops-team`' }),
  kinds: z
    .array(z.enum(kinds))
    .min(1)
    .default([...kinds]),
}

/** The name of a file that holds a secret, as it is written beside the file of channels. */
export const secretFile = z.string().min(1).max(500)

/** The one place a secret may go, or this machine itself; user, query and fragment would be in logs. */
export const address = z.string().max(500).refine(isAddress, {
  error: 'is `https://…`, or `http://` on this machine, without user, query or fragment',
})

function isAddress(text: string): boolean {
  const url = URL.parse(text)
  if (url === null || url.username + url.password + url.search + url.hash !== '') return false
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLocal(url.hostname))
}

export function isLocal(host: string): boolean {
  return ['localhost', '127.0.0.1', '[::1]', '::1'].includes(host)
}

/** A text that only we may read, by its name; `pattern` is what it must be. */
export type ReadSecret = (name: string, pattern: RegExp) => string

/** `channel` reads one of the list; Problem `bad-configuration` otherwise. */
export function readFile<T extends { name: string }>(
  path: string,
  channel: z.ZodType<T>,
): { channels: readonly T[]; secret: ReadSecret } {
  const document = parseYaml(path, readOwn(path, most.bytes))
  const shape = z.strictObject({ channels: z.array(channel).min(1).max(most.channels) })
  const result = shape.safeParse(document.value)
  if (!result.success) {
    const [issue] = result.error.issues
    const extra = issue?.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : []
    throw refuse(path, document.lineOf([...(issue?.path ?? []), ...extra]), whatIs(issue))
  }
  const { channels } = result.data
  const twice = channels.findIndex(({ name }, i) =>
    channels.some((e, j) => j < i && e.name === name),
  )
  if (twice >= 0)
    throw refuse(path, document.lineOf(['channels', twice, 'name']), '`name` is there twice')
  const secret: ReadSecret = (name, pattern) => {
    const file = resolve(dirname(path), name)
    const text = readOwn(file, most.secretBytes).trim()
    if (pattern.test(text)) return text
    throw unusable(`The file \`${file}\` does not hold what it is named for.`)
  }
  return { channels, secret }
}

function whatIs(issue: z.core.$ZodIssue | undefined): string {
  if (issue?.code === 'unrecognized_keys') return `\`${issue.keys[0]}\` is not known`
  const field = issue?.path.filter(each => typeof each === 'string').at(-1) ?? 'channels'
  return `\`${field}\` ${issue?.message ?? 'is not valid'}`
}

/** As the form of a value and nothing else: no anchors, aliases or tags, no key twice. */
function parseYaml(path: string, text: string) {
  // The YAML library makes a pattern as long as an indentation: a few thousand columns end the process.
  if (/^[ \t\-?:]{41}/m.test(text)) throw unusable(`\`${path}\` is indented more than 40 columns.`)
  const lines = new yaml.LineCounter()
  const options = {
    schema: 'core',
    stringKeys: true,
    prettyErrors: false,
    logLevel: 'error',
  } as const
  const document = yaml.parseDocument(text, { ...options, lineCounter: lines })
  const [first] = [...document.errors, ...document.warnings]
  if (first !== undefined)
    throw refuse(path, lines.linePos(first.pos[0]).line, `this is not plain YAML (${first.code})`)
  yaml.visit(document, {
    Node(_key, node) {
      const isNamed = yaml.isAlias(node) || ('anchor' in node && node.anchor !== undefined)
      if (!isNamed && node.tag === undefined) return
      const { line } = lines.linePos(node.range?.[0] ?? 0)
      throw refuse(path, line, 'an anchor, an alias or a tag has no meaning here')
    },
  })
  /** Of what stands there, or of what holds the place where it is missing. */
  const lineOf = (where: readonly PropertyKey[]): number => {
    const node = where.length === 0 ? document.contents : document.getIn(where, true)
    if (yaml.isNode(node)) return lines.linePos(node.range?.[0] ?? 0).line
    return where.length === 0 ? 1 : lineOf(where.slice(0, -1))
  }
  return { value: document.toJS({ maxAliasCount: 0 }) as unknown, lineOf }
}

function readOwn(file: string, mostBytes: number): string {
  const found = statSync(file, { throwIfNoEntry: false })
  if (found?.isFile() !== true) throw unusable(`There is no file \`${file}\`.`)
  if (process.platform !== 'win32' && (found.mode & 0o077) !== 0)
    throw unusable(`Others on this machine may read \`${file}\`. Run: chmod 600 ${file}.`)
  if (found.size > mostBytes) throw unusable(`\`${file}\` is larger than ${mostBytes} bytes.`)
  return readFileSync(file, 'utf8')
}

function refuse(path: string, line: number, what: string): Problem {
  return unusable(`\`${path}\` line ${line}: ${what}.`)
}

function unusable(detail: string): Problem {
  const next = 'What may stand there: docs/how-to/get-notified.md'
  return new Problem('bad-configuration', { field: 'LEASEHOLD_NOTIFY', detail, next })
}
