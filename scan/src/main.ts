#!/usr/bin/env node
/** Starts a scan with the real world: process, clock, network, and what a person's tools are signed in with. */
import { execFile } from 'node:child_process'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import { systemClock } from '../../src/core/base/time.ts'
import { runScan } from './run.ts'

// INVARIANT: a report names every key of a company. It is for who made it.
process.umask(0o077)
process.stdout.on('error', () => process.exit(0))

const stop = new AbortController()
// The first one ends it well; after that the system's own way is back.
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort())

async function tool(name: string, ...words: readonly string[]): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(name, words, { timeout: 15_000 })
    return stdout.trim()
  } catch {
    return ''
  }
}

const { argv, env, stdout, stderr } = process
process.exitCode = await runScan({
  argv: argv.slice(2),
  env,
  cwd: process.cwd(),
  stdout,
  stderr,
  clock: systemClock,
  sleep: (ms, signal) => wait(ms, undefined, signal ? { signal } : {}),
  fetch,
  tool,
  awsKeys: async () => (await import('../../connectors/aws/look.ts')).findKeys(),
  signal: stop.signal,
})
