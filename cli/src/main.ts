#!/usr/bin/env node
/** Starts the command line with the real world: process, clock, terminal. */
import { setTimeout as sleep } from 'node:timers/promises'

// INVARIANT: whatever we write is ours alone; what we start for a person gets the umask back.
const umask = process.umask(0o077)
// `leasehold log | head`: the reader left, which is no failure.
process.stdout.on('error', () => process.exit(0))

if (['--version', '-V'].includes(process.argv[2] ?? '')) {
  const { default: manifest } = await import('../package.json', { with: { type: 'json' } })
  process.stdout.write(`${manifest.version}\n`)
} else {
  const { runCli } = await import('./run-cli.ts')
  const { env, stdin, stdout, stderr, argv } = process
  const host = { argv: argv.slice(2), env, cwd: process.cwd(), stdin, stdout, stderr, umask }
  process.exitCode = await runCli({ ...host, now: Date.now, sleep: ms => sleep(ms) })
}
