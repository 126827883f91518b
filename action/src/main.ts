/**
 * The step: who the job is, and what it needs, decided now; then the variables that lead the other steps
 * there. INVARIANT: nothing is written that was not masked before; all that is needed is given, or nothing.
 */
import { fork } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { denialLines } from '../../cli/src/present.ts'
import { failed, Problem, type ProblemText, problem } from '../../cli/src/problem.ts'
import { readInputs } from './client.ts'
import type { Held, Said } from './hold.ts'
import { annotate, append, command, env, mask, ourStep, put, safe, say } from './runner.ts'

const secretName = /TOKEN|PASSWORD|SECRET|KEY|^DATABASE_URL/
/** The runner's own; and git's, whose helper is a word of the installed command line. */
const taken = /^(GITHUB|RUNNER|GIT_CONFIG)_/
/** What the server says where no trust rule fits. */
const unlinked = /^its token says (repository|job_workflow|environment|ref|iss)/
/** Trust in exactly this workflow. */
const link = [
  'leasehold trust add INPUT_AS --preset github --reason "our CI"',
  '--issuer https://token.actions.githubusercontent.com',
  '--claim repository_owner_id=GITHUB_REPOSITORY_OWNER_ID --claim repository_id=GITHUB_REPOSITORY_ID',
  '--claim job_workflow_ref=GITHUB_WORKFLOW_REF --claim ref=GITHUB_REF',
].join(' ')
const longestPauseMs = 60_000

await main().catch((error: unknown) => {
  explain((error instanceof Problem ? error : problem('LH-BUG-99', {})).text)
  process.exitCode = 1
})

async function main(): Promise<void> {
  // 1. Whether the job can say who it is.
  const what = '`id-token: write` is missing: GitHub gives this job no token that says who it is.'
  const next = 'Below `permissions:` add two lines: `id-token: write` and `contents: read`.'
  if (!env['ACTIONS_ID_TOKEN_REQUEST_URL']) throw failed(what, next)
  // 2. All it needs, decided now, and held by a process that outlives this step.
  const { server, needs, waitMs } = readInputs()
  const folder = mkdtempSync(join(env['RUNNER_TEMP'] ?? '', 'leasehold-'))
  put('STATE', 'since', String(Date.now()))
  command('group', 'Leasehold')
  const held = await holdUntil(folder, Date.now() + waitMs)
  // 3. To the other steps.
  handOver(held)
  command('endgroup')
  const trace = new URL(`/trace/${encodeURIComponent(held.task)}`, server).href
  put('OUTPUT', 'task', held.task)
  put('OUTPUT', 'trace', trace)
  const rows = held.leases.map(([id, until = ''], i) => [needs[i] ?? '', `permit, ${id}`, until])
  summarize(rows, `A term is renewed while the job runs. [Trace ${safe(held.task)}](${trace})`)
}

/** Once; and where a person's yes is all that is missing, again until the time is over. */
async function holdUntil(folder: string, until: number): Promise<Held> {
  for (let pauseMs = 5000; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    // Before there is anything to give back; and not any more where it gave back what it had.
    put('STATE', 'folder', folder)
    const said = await hold(folder)
    if ('held' in said) return said.held
    put('STATE', 'folder', '')
    const { what, denial } = said.problem
    const isForPeople = denial?.instead.some(({ command }) => command?.startsWith('ask ')) ?? false
    if (!isForPeople || Date.now() + pauseMs > until) throw new Problem(said.problem)
    say(`▲ ${what}: a person can say yes. Asked again in ${pauseMs / 1000} s.`)
    await sleep(pauseMs)
  }
}

function hold(folder: string): Promise<Exclude<Said, { line: string }>> {
  const stdio: ['ignore', 'ignore', 'ignore', 'ipc'] = ['ignore', 'ignore', 'ignore', 'ipc']
  const child = fork(join(import.meta.dirname, 'hold.ts'), [folder], { detached: true, stdio })
  return new Promise((resolve, reject) => {
    child.once('error', reject).once('exit', () => reject(new Error('it has ended')))
    child.on('message', (said: Said) => {
      if ('line' in said) return say(said.line)
      child.disconnect()
      child.unref()
      resolve(said)
    })
  })
}

function handOver({ variables, words }: Held): void {
  const given = Object.entries(variables).filter(([name]) => !taken.test(name))
  const named = given.filter(([name]) => secretName.test(name))
  for (const secret of new Set([...words, ...named.map(([, value]) => value)])) mask(secret)
  for (const [name, value] of given) {
    if (/\p{Cc}/u.test(value)) throw failed(`${name} is no variable.`, 'leasehold doctor')
    put('ENV', name, value)
  }
  say(`For the steps that follow: ${given.map(([name]) => name).join(', ')}`)
}

/** In the server's own words, with what to do: in the log, at the workflow's line and in the summary. */
function explain({ what, why, next, denial }: ProblemText): void {
  const says = [what, ...(denial ? denialLines(denial) : []), ...(why ? [why] : [])]
  const lines = [...says, unlinked.test(what) ? linkOfThis() : next]
  for (const [i, line] of lines.entries()) say(`${i === 0 ? '✕ ' : '  '}${line}`)
  command('endgroup')
  const at = what.includes('id-token') ? /^\s*(permissions|jobs):/ : ourStep
  annotate('error', lines, at)
  summarize([[denial?.what ?? 'this job', `no: ${denial?.says ?? what}`, '']], safe(next))
}

/** ATTACKER: names a branch so that who copies the line runs it. */
function linkOfThis(): string {
  const word = (name: string) => /^[\w./@-]+$/.exec(env[name] ?? '')?.[0] ?? '…'
  const typed = link.replaceAll(/(?:GITHUB|INPUT)_[A-Z_]+/g, word)
  return `Nobody trusts this workflow yet. Its app's owner says: ${typed.replace(/(?<=add \S+)\//, ' --role ')}`
}

function summarize(rows: readonly string[][], end: string): void {
  const body = rows.map(row => `| ${row.map(safe).join(' | ')} |`)
  const head = ['### Leasehold', '', '| need | decision | until |', '| --- | --- | --- |']
  append('STEP_SUMMARY', [...head, ...body, '', end].join('\n'))
}
