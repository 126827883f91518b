/**
 * `npm run -s bench -- [--json] [name…]`: the benches, one after the other. Each runs in a process of
 * its own with the flags of the server, so that none meets what another has left in memory.
 *
 * Standard output has the rows alone (one JSON object a line with --json, else a table); what goes on
 * meanwhile is told on standard error. Exits 1 where a bench could not be run; judging is for others.
 */
import { spawn } from 'node:child_process'
import { parseArgs } from 'node:util'
import { type Bench, type Row, tableOf } from './row.ts'

const benches: Readonly<Record<string, () => Promise<Bench>>> = {
  'token-exchange': async () => (await import('./token-exchange.ts')).benchTokenExchange,
  'ledger-entries': async () => (await import('./ledger-entries.ts')).benchLedgerEntries,
  'lease-cycle': async () => (await import('./lease-cycle.ts')).benchLeaseCycle,
  expiry: async () => (await import('./expiry.ts')).benchExpiry,
  offboard: async () => (await import('./offboard.ts')).benchOffboard,
  inventory: async () => (await import('./inventory.ts')).benchInventory,
  record: async () => (await import('./record.ts')).benchRecord,
  'decision-api': async () => (await import('./decision-api.ts')).benchDecisionApi,
  'mcp-gateway': async () => (await import('./mcp-gateway.ts')).benchMcpGateway,
  'tcp-gateway': async () => (await import('./tcp-gateway.ts')).benchTcpGateway,
  'http-gateway': async () => (await import('./http-gateway.ts')).benchHttpGateway,
  replay: async () => (await import('./replay.ts')).benchReplay,
  revocation: async () => (await import('./revocation.ts')).benchRevocation,
  'memory-idle': async () => (await import('./process.ts')).benchIdle,
  'memory-embedded': async () => {
    const { benchMemory } = await import('./memory.ts')
    return progress => benchMemory('embedded', progress)
  },
  'memory-postgres': async () => {
    const { benchMemory } = await import('./memory.ts')
    return progress => benchMemory('postgres', progress)
  },
  decision: async () => (await import('./decision.ts')).benchDecision,
  'decision-scaling': async () => (await import('./decision-scaling.ts')).benchDecisionScaling,
  start: async () => (await import('./process.ts')).benchStart,
  cli: async () => (await import('./process.ts')).benchCli,
  console: async () => (await import('./console.ts')).benchConsole,
  'console-large': async () => (await import('./console.ts')).benchConsoleLarge,
}
/** Minutes in the making: run by their name alone. */
const named: ReadonlySet<string> = new Set(['console-large'])

/** As the scripts of package.json start the server. */
const serverFlags = ['--max-semi-space-size=4']

if (import.meta.main) await main()

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: { json: { type: 'boolean', default: false }, alone: { type: 'boolean' } },
    allowPositionals: true,
  })
  const all = Object.keys(benches).filter(name => !named.has(name))
  const names = positionals.length === 0 ? all : positionals
  const unknown = names.filter(name => benches[name] === undefined)
  if (unknown.length > 0)
    throw new Error(`no bench ${unknown.join(', ')}; known: ${Object.keys(benches).join(', ')}`)
  if (values.alone === true) {
    process.stdout.write(`${JSON.stringify(await runAlone(names[0] ?? ''))}\n`)
    process.exit(0)
  }
  const rows: Row[] = []
  for (const name of names) {
    const row = await runInChild(name)
    if (row === undefined) process.exitCode = 1
    else if (values.json) process.stdout.write(`${JSON.stringify(row)}\n`)
    else rows.push(row)
  }
  if (!values.json) process.stdout.write(tableOf(rows))
}

async function runAlone(name: string): Promise<Row> {
  const bench = await benches[name]?.()
  if (bench === undefined) throw new Error(`no bench ${name}`)
  return bench(text => process.stderr.write(`  ${name}  ${text}\n`))
}

/** Undefined where it failed, which it has told on standard error. */
function runInChild(name: string): Promise<Row | undefined> {
  const child = spawn(process.execPath, [...serverFlags, import.meta.filename, '--alone', name], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', code => {
      const line = said.split('\n').find(each => each.startsWith('{'))
      resolve(code === 0 && line !== undefined ? (JSON.parse(line) as Row) : undefined)
    })
  })
}
