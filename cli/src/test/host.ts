/** Runs one command in this process, with a made-up world around it, and keeps what it said. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { Host } from '../host.ts'
import { runCli } from '../run-cli.ts'

process.env['TZ'] = 'UTC'
export const now = Date.parse('2026-11-22T14:30:00Z')

export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
  /** Both, in the order they were written, as a person at a terminal sees them. */
  readonly seen: string
}

export interface World {
  /** Home and folder of this person. */
  readonly home: string
  readonly server: string
  readonly tty?: boolean
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
  readonly at?: number
}

export function newHome(): string {
  return mkdtempSync(join(tmpdir(), 'leasehold-cli-'))
}

export async function run(world: World, ...argv: string[]): Promise<Ran> {
  let [out, err, seen] = ['', '', '']
  const isTTY = world.tty === true
  const stdin = Object.assign(Readable.from([world.input ?? '']), { isTTY })
  const host: Host = {
    argv,
    env: { HOME: world.home, LEASEHOLD_SERVER: world.server, NO_COLOR: '1', ...world.env },
    cwd: world.home,
    stdin,
    stdout: { isTTY, write: text => void ([out, seen] = [out + text, seen + text]) },
    stderr: { isTTY, write: text => void ([err, seen] = [err + text, seen + text]) },
    now: () => world.at ?? now,
    sleep: async () => {},
    umask: 0o022,
  }
  const code = await runCli(host)
  // Where this clone lies is no matter of a golden file.
  const named = (text: string) =>
    text
      .replace(/(?<=^|[\s`"])[\w./-]*\/lh(?= )/g, 'leasehold')
      .replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:PORT')
  return { code, out: named(out), err: named(err), seen: named(seen) }
}
