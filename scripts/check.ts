// `npm test`: everything a change must pass, in one run with one exit code.
//
// The quick readers of the tree (format, lint, types, our own rules) run side by side; then the tests,
// which need the machine. What fails prints in full; what passes is one line.
//   npm test                      all of it
//   npm test -- --fast            without the tests
//   npm test -- src/core/ledger   only the tests below a path, after the readers
import { spawn } from 'node:child_process'
import { dirname, join } from 'node:path'

const root = dirname(import.meta.dirname)
const CLOSING_LINES = 12

type Step = { name: string; script: string; args: string[] }
type Outcome = { name: string; isGood: boolean; seconds: number; output: string }

const READERS: Step[] = [
  { name: 'format', script: '@biomejs/biome/bin/biome', args: ['check', '--colors=off', '.'] },
  {
    name: 'lint',
    script: 'oxlint/bin/oxlint',
    args: ['--type-aware', '--deny-warnings', '--format=unix', '.'],
  },
  { name: 'types', script: 'typescript/bin/tsc', args: ['-p', '.', '--pretty', 'false'] },
  { name: 'console', script: 'typescript/bin/tsc', args: ['-p', 'console', '--pretty', 'false'] },
  { name: 'rules', script: '../scripts/rules/main.ts', args: [] },
  { name: 'lock', script: '../scripts/lock.mjs', args: ['--check'] },
]
const TESTS = { name: 'tests', script: 'vitest/vitest.mjs', args: ['run'] }

await check(process.argv.slice(2))

async function check(words: string[]): Promise<void> {
  const isFast = words.includes('--fast')
  const paths = words.filter(word => word !== '--fast')
  const outcomes = await Promise.all(READERS.map(step => run(step, false)))
  for (const { name, isGood, output } of outcomes) {
    if (!isGood || name === 'rules') console.log(`\n— ${name}\n${output.trimEnd()}`)
  }
  if (!isFast) {
    console.log('\n— tests')
    outcomes.push(await run({ ...TESTS, args: [...TESTS.args, ...paths] }, true))
  }
  summarize(outcomes)
}

function summarize(outcomes: Outcome[]): void {
  console.log('')
  for (const { name, isGood, seconds } of outcomes) {
    console.log(`  ${isGood ? '✓' : '✕'} ${name.padEnd(8)}${seconds.toFixed(1).padStart(7)} s`)
  }
  const tests = outcomes.find(({ name }) => name === TESTS.name)
  if (tests)
    console.log(
      `\n${strayErrors(tests.output)}${failedTests(tests.output)}${closingLines(tests.output)}`,
    )
  const failed = outcomes.filter(({ isGood }) => !isGood)
  const names = failed.map(({ name }) => name).join(', ')
  console.log(failed.length > 0 ? `\nFAILED: ${names}` : '\nAll checks passed.')
  process.exitCode = failed.length > 0 ? 1 : 0
}

/** The tests' own totals, so that the last lines tell how much ran. */
function closingLines(output: string): string {
  const lines = output.trimEnd().split('\n').slice(-CLOSING_LINES)
  return lines.filter(line => /^\s*(Test Files|Tests|Errors|Duration)\s/.test(line)).join('\n')
}

/** Each that failed, a line: what each said stands far above, and the last lines are what is read first. */
function failedTests(output: string): string {
  const lines = output.split('\n').filter(line => /^\s*FAIL\s/.test(line))
  return [...new Set(lines)].map(line => `${line.trim()}\n`).join('')
}

/** What no test caught, again at the end: it fails the run without failing a test. */
function strayErrors(output: string): string {
  const from = output.search(/^.*Unhandled Errors? /m)
  const to = output.lastIndexOf(' Test Files ')
  return from < 0 ? '' : `${output.slice(from, to).trimEnd()}\n`
}

/** A step that could not be started, or was killed, has not passed. */
function run({ name, script, args }: Step, isShown: boolean): Promise<Outcome> {
  const start = performance.now()
  const path = join(root, 'node_modules', script)
  const child = spawn(process.execPath, [path, ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined, NODE_ENV: 'test' },
  })
  let output = ''
  for (const [stream, out] of [
    [child.stdout, process.stdout],
    [child.stderr, process.stderr],
  ] as const) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
      if (isShown) out.write(text)
    })
  }
  return new Promise(resolve => {
    const finish = (isGood: boolean) =>
      resolve({ name, isGood, seconds: (performance.now() - start) / 1000, output })
    child.once('error', error => {
      output += `${error.message}\n`
      finish(false)
    })
    child.once('close', code => finish(code === 0))
  })
}
