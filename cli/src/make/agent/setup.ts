/**
 * `agent setup`: what Claude Code, Cursor and VS Code read in a folder, so that the agent there knows our server, our
 * rules and is stopped before it writes a credential down. What stands in those files stays. Nothing outside the folder.
 *
 * Shapes: code.claude.com/docs/en/mcp and /hooks, cursor.com/docs/context/mcp and /agent/hooks,
 * code.visualstudio.com/docs/copilot/reference/mcp-configuration.
 */
import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { type Answer, glyph } from '../../answer.ts'
import type { Cli } from '../../cli.ts'
import { usage } from '../../problem.ts'
import { said } from '../../verbs/kit.ts'
import { rules } from './rules.ts'

type Json = { [name: string]: unknown }

export async function setup({ host, options }: Cli): Promise<Answer> {
  const written: string[] = []
  for (const [path, change] of Object.entries(files())) {
    const at = join(host.cwd, path)
    const before = existsSync(at) ? readFileSync(at, 'utf8') : undefined
    const after =
      typeof change === 'string'
        ? change
        : `${JSON.stringify(change(parse(path, before)), null, 2)}\n`
    if (before === after) continue
    written.push(path)
    if (!options.is('dryRun')) write(host.cwd, at, after)
  }
  const lines = written.map(path => `${glyph.done} ${path}`)
  const none = [`${glyph.ok} Everything was there already`]
  return said({ written }, [lines.length > 0 ? lines : none, 'agent mcp'])
}

/** By path: all of a file of ours, or how one of others is changed. */
function files(): Readonly<Record<string, string | ((now: Json) => Json)>> {
  const [command = '', ...args] = ourselves()
  const server = { command, args: [...args, 'agent', 'mcp'] }
  const line = [command, ...args].map(word => `'${word.replaceAll("'", `'\\''`)}'`).join(' ')
  // Whatever it ends with, and where it is not there at all, the tool does not run.
  const hook = `${line} agent hook || exit 2`
  return {
    '.mcp.json': now => put(now, 'mcpServers', { leasehold: server }),
    '.cursor/mcp.json': now => put(now, 'mcpServers', { leasehold: server }),
    '.vscode/mcp.json': now => put(now, 'servers', { leasehold: { type: 'stdio', ...server } }),
    '.claude/settings.json': now => {
      const entry = { matcher: '*', hooks: [{ type: 'command', command: hook, timeout: 20 }] }
      return addHooks(now, { PreToolUse: entry })
    },
    '.cursor/hooks.json': now => {
      const entry = { command: hook, failClosed: true }
      const all = ['beforeShellExecution', 'preToolUse', 'beforeMCPExecution']
      return { version: 1, ...addHooks(now, Object.fromEntries(all.map(name => [name, entry]))) }
    },
    '.claude/skills/leasehold/SKILL.md': skill,
  }
}

const skill = `---
name: leasehold
description: Get data for this app, find out why something was refused, and never handle a credential.
---

${rules}`

function put(now: Json, name: string, more: Json): Json {
  return { ...now, [name]: { ...asJson(now[name]), ...more } }
}

/** In place of ours of before, beside those of others. */
function addHooks(now: Json, entries: Json): Json {
  const hooks = asJson(now['hooks'])
  const isOurs = (entry: unknown) => JSON.stringify(entry).includes('agent hook || exit 2')
  const added = Object.entries(entries).map(([name, entry]) => {
    const others = Array.isArray(hooks[name]) ? (hooks[name] as unknown[]) : []
    return [name, [...others.filter(other => !isOurs(other)), entry]]
  })
  return { ...now, hooks: { ...hooks, ...Object.fromEntries(added) } }
}

function asJson(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {}
}

/** Somebody's file is not written over where we can not read it. */
function parse(path: string, text: string | undefined): Json {
  if (text === undefined) return {}
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json
  } catch {}
  throw usage(
    `${path} is there and is no plain JSON: it stays as it is.`,
    `Mend ${path}, then again.`,
  )
}

function write(folder: string, at: string, text: string): void {
  mkdirSync(dirname(at), { recursive: true, mode: 0o755 })
  const home = realpathSync(folder)
  const place = `${realpathSync(dirname(at))}/`
  const real = existsSync(at) ? realpathSync(at) : at
  if (!place.startsWith(`${home}/`) || !resolve(home, real).startsWith(`${home}/`))
    throw usage(`${at} leads out of ${folder}.`, 'Remove the link there.')
  writeFileSync(at, text, { mode: 0o644 })
}

/** How an agent starts us: installed by our name, in a clone as this very file. */
function ourselves(): string[] {
  const clone = resolve(import.meta.dirname, '../../../../lh')
  if (!existsSync(clone)) return ['leasehold']
  return [process.execPath, resolve(import.meta.dirname, '../../main.ts')]
}
