/**
 * The command line that lies beside us in the same commit, as a job uses it: its words about tasks and
 * leases, without a person, a terminal, or anything of the job's environment but what says who it is.
 */
import { join } from 'node:path'
import { makeApi } from '../../cli/src/api.ts'
import { type Cli, folderApp, Options } from '../../cli/src/cli.ts'
import { Presenter } from '../../cli/src/present.ts'
import { failed } from '../../cli/src/problem.ts'
import { chooseServer } from '../../cli/src/server.ts'
import { env } from './runner.ts'

const maxNeeds = 10
const maxWaitMinutes = 60

/** What the workflow asks for. Throws `Problem` for what can not be meant. */
export function readInputs() {
  const text = (name: string) => (env[`INPUT_${name}`] ?? '').trim()
  const needs = text('NEED')
    .split(/\s*\n\s*/)
    .filter(line => line !== '')
  if (needs.length === 0 || needs.length > maxNeeds)
    throw failed(
      `\`need\` has 1 to ${maxNeeds} lines, not ${needs.length}.`,
      'need: crm.deals:read',
    )
  const minutes = Number(text('WAIT'))
  if (!(minutes >= 0 && minutes <= maxWaitMinutes))
    throw failed(`\`wait\` is 0 to ${maxWaitMinutes} minutes.`, 'wait: 10')
  const [server, purpose] = [text('SERVER'), text('PURPOSE')]
  const as = text('AS') || folderApp(env['GITHUB_WORKSPACE'] ?? '')
  if (as === undefined || purpose === '')
    throw failed('`as` says which app this is, `purpose` what for.', 'as: deal-desk')
  return { server, as, purpose, needs, waitMs: minutes * 60_000 }
}

/** `now` in milliseconds since 1970. */
export function clientOf(write: (line: string) => void, now: () => number): Cli {
  const { server: named, as, purpose } = readInputs()
  const asked = ['ACTIONS_ID_TOKEN_REQUEST_URL', 'ACTIONS_ID_TOKEN_REQUEST_TOKEN']
  const kept = Object.fromEntries(asked.map(name => [name, env[name]]))
  // What is remembered of a server goes with the job.
  const cwd = join(env['RUNNER_TEMP'] ?? '', 'leasehold')
  const sink = { write: (it: string) => write(it.replace('this command', 'this job').trimEnd()) }
  const world = { argv: [], env: { ...kept, XDG_CONFIG_HOME: cwd }, cwd, stdin: process.stdin }
  const host = { ...world, stdout: sink, stderr: sink, now, sleep: async () => {}, umask: 0o077 }
  const style = { isJson: false, isPlain: false, isQuiet: true, command: 'leasehold' }
  const server = chooseServer(host, named)
  // There is no person in a job.
  const api = makeApi(server.url, false, async () => undefined)
  return {
    host,
    server,
    api,
    out: new Presenter(host, style),
    options: new Options({ as, purpose }),
  }
}
