/** One scan from its words to its exit code. Everything is an argument, so tests run it whole. */
import { readFileSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { isProblem, Problem } from '../../src/core/base/problem.ts'
import type { Instant } from '../../src/core/base/time.ts'
import { type Around, known as knownSources, openSource } from './arguments.ts'
import { type Known, readKnown } from './known.ts'
import { Calls, type Going } from './outgoing.ts'
import { openProgress, type Screen } from './progress.ts'
import { openFile, writeThings } from './report/files.ts'
import { pageOf } from './report/page.ts'
import type { Totals } from './report/totals.ts'
import { judged, type Named, openSpool, type Scanned, scan } from './scan.ts'
import { shown } from './thing.ts'

export interface Host extends Omit<Around, 'going'> {
  readonly argv: readonly string[]
  readonly cwd: string
  readonly stdout: Screen
  readonly stderr: Screen
  readonly clock: { now(): Instant }
  readonly sleep: Going['sleep']
  readonly fetch: Going['fetch']
  /** Aborts when a person wants no more: what was seen so far is reported. */
  readonly signal: AbortSignal
}

export const exits = { whole: 0, usage: 2, notAllRead: 69, stopped: 75 } as const

const help = `leasehold scan SOURCE… [--out report.html] [--known FILE] [--json]

What there is: identities and keys, who may own them, which never end. Read only, with the rights
you have; no server is needed. Sources: ${knownSources}

  --out FILE    the page; beside it the same as .json and .sarif (report.html)
  --known FILE  what you know already: an id of the report a line, then a tab and its owner
  --json        the numbers as one JSON object

Secrets come from the environment: GITHUB_TOKEN or \`gh auth login\`; PGPASSWORD or ~/.pgpass;
MYSQL_PWD; REDISCLI_AUTH; SLACK_TOKEN; NOTION_TOKEN; SNOWFLAKE_USER, SNOWFLAKE_ROLE and
SNOWFLAKE_PRIVATE_KEY_FILE; for clouds what \`aws\`, \`gcloud\` (or
GOOGLE_OAUTH_ACCESS_TOKEN) and \`az\` are signed in with.
Exit codes: 0 all was read · 2 wrong usage · 69 a source could not be read · 75 stopped before the end
`

export async function runScan(host: Host): Promise<number> {
  try {
    return await run(host)
  } catch (thrown) {
    if (!isProblem(thrown)) throw thrown
    tell(host, thrown)
    return exits.usage
  }
}

async function run(host: Host): Promise<number> {
  const { values, positionals } = parse(host.argv)
  if (positionals.length === 0 && values.json)
    throw usage('No source was named.', 'leasehold scan github:ORG')
  if (values.help || positionals.length === 0) {
    host.stdout.write(help)
    return values.help ? 0 : exits.usage
  }
  const { known, paths } = filesOf(host, values)
  // 1. What is to be read. A secret in what was typed ends it here.
  const progress = openProgress(host.stderr, host.clock)
  const { clock, sleep, fetch } = host
  const going: Going = { clock, sleep, fetch, calls: new Calls(), waiting: progress.waiting }
  const named = await openAll([...new Set(positionals)], host, going)
  // 2. Read it, all at once.
  const spool = openSpool()
  try {
    const scanned = await scan(named, { going, spool, signal: host.signal, ...progress })
    progress.end()
    // 3. Judge what was found, and write it down.
    const things = judged(spool, scanned, known ?? new Map())
    const totals = await writeThings(scanned, things, paths)
    const page = openFile(paths.html)
    page.write(pageOf({ scanned, totals, hasKnown: known !== undefined }))
    page.close()
    return conclude(host, { scanned, totals, html: paths.html, isJson: values.json })
  } finally {
    spool.remove()
  }
}

function parse(argv: readonly string[]) {
  const options = {
    out: { type: 'string', default: 'report.html' },
    known: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  } as const
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true })
  } catch {
    // Its own words repeat what was typed.
    throw usage('One of the options is not known.', 'leasehold scan --help')
  }
}

function filesOf(
  host: Host,
  values: { readonly out: string; readonly known?: string | undefined },
) {
  if (!/[^/\\]\.html$/.test(values.out))
    throw usage('`--out` names a file that ends in `.html`.', 'For example: --out report.html')
  const html = resolve(host.cwd, values.out)
  const beside = (ending: string) => html.replace(/html$/, ending)
  let known: Known | undefined
  try {
    if (values.known !== undefined)
      known = readKnown(readFileSync(resolve(host.cwd, values.known), 'utf8'))
  } catch {
    throw usage('The file that `--known` names can not be read.', 'Look at its path.')
  }
  return { known, paths: { html, json: beside('json'), sarif: beside('sarif') } }
}

/** Those that can not be opened are told and left out; where none can, there is nothing to do. */
async function openAll(typed: readonly string[], host: Host, going: Going): Promise<Named[]> {
  const named = await Promise.all(
    typed.map(async (one): Promise<Named> => {
      try {
        return { typed: one, source: await openSource(one, { ...host, going }) }
      } catch (problem) {
        if (/^[a-z]+:\/\/[^/@]*:[^/@]*@/i.test(one)) throw problem
        return { typed: shown(one.replace(/\/\/.*@/, '//'), 60), problem }
      }
    }),
  )
  const problems = named.flatMap(one => ('problem' in one ? [one.problem] : []))
  if (problems.length < named.length) return named
  const [first, ...others] = problems
  if (!host.argv.includes('--json'))
    for (const problem of others) if (isProblem(problem)) tell(host, problem)
  throw first
}

interface Conclusion {
  readonly scanned: Scanned
  readonly totals: Totals
  readonly html: string
  readonly isJson: boolean
}

function conclude({ stdout }: Host, { scanned, totals, html, isJson }: Conclusion): number {
  const { sources, isWhole, isStopped } = scanned
  const { access, people, unknown, ownerless, neverEnding } = totals.all
  if (isJson) {
    const numbers = { identitiesAndKeys: access, people, unknown, ownerless, neverEnding }
    const answer = { schema: 'leasehold/v1', isWhole, ...numbers, sources, report: html }
    stdout.write(`${JSON.stringify(answer)}\n`)
  } else {
    const line = (count: number, word: string) => `  ${String(count).padStart(7)}  ${word}\n`
    const systems = `${sources.length} system${sources.length === 1 ? '' : 's'}`
    stdout.write(`${access} identities and keys in ${systems}, ${people} people beside them\n`)
    stdout.write(line(unknown, 'unknown') + line(ownerless, 'ownerless'))
    stdout.write(line(neverEnding, 'never-ending'))
    for (const { name, state, why = '', next = '' } of sources)
      if (state !== 'whole') stdout.write(`✕ ${name} was ${state}: ${why} ${next}\n`)
    const beside = ['.json', '.sarif'].map(ending => basename(html).replace(/\.html$/, ending))
    stdout.write(`Next: open ${html} in a browser; ${beside.join(' and ')} lie beside it\n`)
  }
  if (isStopped) return exits.stopped
  return isWhole ? exits.whole : exits.notAllRead
}

/** As the command line says it, for people or for programs. */
function tell({ argv, stdout, stderr }: Host, { code, detail, next = '' }: Problem): void {
  const said = { status: 'error', reason: code, message: detail, next: [{ command: next }] }
  if (argv.includes('--json'))
    stdout.write(`${JSON.stringify({ schema: 'leasehold/v1', ...said, exit: exits.usage })}\n`)
  else stderr.write(`✕ ${detail}\n  Next  ${next}\n`)
}

function usage(detail: string, next: string): Problem {
  return new Problem('bad-request', { detail, next })
}
