/**
 * The scan is a part of its own, installed apart: it needs no server and no sign-in. Here it is found and
 * started; what it says and how it ends is passed on.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Verb } from '../cli.ts'
import { exits, failed } from '../problem.ts'

export const scan: Verb = async ({ host, options }, ...sources) => {
  const given = ['out', 'known'].flatMap(name => {
    const value = options.text(name)
    return value === undefined ? [] : [`--${name}`, value]
  })
  const json = options.is('json') ? ['--json'] : []
  const args = [installed(), ...given, ...json, '--', ...sources]
  // Not the umask of who started us: a report is for them alone.
  const child = spawn(process.execPath, args, { cwd: host.cwd, stdio: 'inherit' })
  process.on('SIGINT', () => {}).on('SIGTERM', () => child.kill('SIGTERM'))
  const [code] = (await once(child, 'exit')) as [number | null]
  return { result: undefined, exit: code ?? exits.failed }
}

/** In a clone it lies beside us; else as Node finds packages. */
function installed(): string {
  const beside = resolve(import.meta.dirname, '..', '..', '..', 'scan', 'src', 'main.ts')
  if (existsSync(beside)) return beside
  try {
    return fileURLToPath(import.meta.resolve('leasehold-scan'))
  } catch {
    throw failed('The scan is not installed here.', 'npm install --global leasehold-scan')
  }
}
