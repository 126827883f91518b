/** Words about asking and answering. INVARIANT: a yes carries the hash of what was on the screen. */
import type { AddTrust, Ask, GrantView, RequestView } from '../../../src/doors/api/contract.ts'
import { type Answer, glyph } from '../answer.ts'
import { appOf, type Cli, confirm, refuseAgent, type Verb } from '../cli.ts'
import { readText } from '../files.ts'
import { exits, failed, usage } from '../problem.ts'
import { moment } from '../time.ts'
import { requestLines } from './cards.ts'
import { changes, reasonOf, type Said, said, segment, stateWord } from './kit.ts'

export const askFor = changes('requests', askBody, asked)
export const addTrust = changes('apps/:app/trust', trustBody, asked)
/** Rules are changed by people, and by two of them. */
export const pushPolicy = changes('policy/propose', rulesBody, asked)

async function askBody(cli: Cli, text = ''): Promise<Ask> {
  const flags = ['read', 'write'].filter(name => cli.options.is(name))
  return {
    app: appOf(cli),
    ...parseNeed(flags.length === 0 ? text : `${text}:${flags.join()}`),
    reason: await reasonOf(cli, 'because'),
    unattended: cli.options.is('unattended'),
    roles: cli.options.list('role') as Ask['roles'],
    columns: cli.options.list('columns'),
    budget: parseAtMost(cli.options.text('atMost')),
    endsAt: cli.options.text('until'),
  }
}

/** `100 calls/day, 20 dollars/day`: of one task, or of one day. */
export function parseAtMost(text?: string): Ask['budget'] {
  if (text === undefined) return undefined
  const form = /^ *(\d+(?:\.\d\d?)?) (call|row|byte|dollar)s?\/(task|day) *$/
  const parts = text.split(',').map(part => form.exec(part) ?? [])
  const per = parts[0]?.[3]
  const what = `\`${text}\` is no bound of one task or of one day.`
  if (per === undefined || parts.some(part => part[3] !== per))
    throw usage(what, 'Say --at-most "100 calls/day, 20 dollars/day"')
  const most = parts.map(([, amount, unit]) =>
    unit === 'dollar'
      ? { spendCents: Math.round(Number(amount) * 100) }
      : { [`${unit}s`]: Number(amount) },
  )
  return Object.assign({ per }, ...most) as Ask['budget']
}

/** A person is trusted as owner and backup of the app; a workflow by what its token says. */
async function trustBody(cli: Cli): Promise<AddTrust> {
  const preset = (cli.options.text('preset') ?? 'github') as AddTrust['preset']
  const claims = cli.options.list('claim', '\n')?.map(parseClaim) ?? []
  return {
    role: (cli.options.text('role') ?? 'run') as AddTrust['role'],
    preset,
    claims: preset === 'person' ? { as: ['owner', 'backup'] } : Object.fromEntries(claims),
    issuer: cli.options.text('issuer'),
    reason: await reasonOf(cli),
  }
}

function parseClaim(text: string): [name: string, value: string] {
  const [, name, value] = /^([\w.-]+)=(.+)$/.exec(text) ?? []
  if (name !== undefined && value !== undefined) return [name, value]
  throw usage(`\`${text}\` is not name=value.`, 'For example: --claim repository_id=4711')
}

async function rulesBody(cli: Cli, file = ''): Promise<object> {
  refuseAgent(cli)
  return { text: readText(cli.host, file), reason: await reasonOf(cli) }
}

/** Waiting for a person is exit 66, so that a script knows it has nothing yet. */
function asked(request: RequestView, { host }: Cli): Said {
  const { shortId, app, says, gives, approvers, state, expiresAt } = request
  const isOpen = state === 'open'
  const head = isOpen ? `${glyph.wait} Waiting for ${approvers.join(', ')}` : stateWord(state)
  const until = `  ${shortId} · ends ${moment(expiresAt, host.now())}`
  const lines = [`${head}: ${says}`, ...gives.map(line => `  ${line}`)]
  if (isOpen) lines.push(`${until} · take back: leasehold request withdraw ${shortId}`)
  if (!isOpen) return [lines, app === null ? 'ls' : `status ${app}`, state === 'agreed']
  return [lines, `request show ${shortId}`, exits.waiting]
}

/** Nobody is asked first, so a person says it, and is told what it means. */
export const breakGlass = changes(
  'break-glass',
  async (cli, need = '') => {
    refuseAgent(cli)
    const asked = { app: appOf(cli), ...parseNeed(need), reason: await reasonOf(cli, 'because') }
    if (!(await confirm(cli, 'Everybody is told, and somebody else reviews it. Break the glass?')))
      throw failed('Nothing was done.', 'leasehold ask')
    return asked
  },
  ({ app, resource, actions, endsAt }: GrantView, { host }) => [
    `${glyph.held} broken for ${app}: ${actions.join(', ')} ${resource}, one lease, until ${moment(endsAt, host.now())}`,
    `run --as ${app} --need ${resource}:${actions.join()} -- <command>`,
  ],
)

/** `crm.deals:read,write`: a resource and what is done with it, the same wherever it is typed. */
export function parseNeed(text: string): Pick<Ask, 'resource' | 'actions'> {
  const [, resource, actions = 'read'] = /^([^:]+)(?::([a-z,-]+))?$/.exec(text) ?? []
  if (resource === undefined) throw usage(`\`${text}\` is no need.`, 'Say crm.deals:read')
  return { resource, actions: actions.split(',') as Ask['actions'] }
}

export const approve: Verb = (cli, id = '') => answer(cli, id, 'yes')
export const deny: Verb = (cli, id = '') => answer(cli, id, 'no')

async function answer(cli: Cli, id: string, says: 'yes' | 'no'): Promise<Answer> {
  refuseAgent(cli)
  const request = (await cli.api.get(`/v1/requests/${segment(id)}`)) as RequestView
  for (const line of requestLines(request, cli.host.now())) cli.out.note(line)
  const { shortId, state, bodyHash } = request
  if (state !== 'open')
    throw failed(`${shortId} is ${state}: it needs no answer.`, 'leasehold request ls')
  if (!(await confirm(cli, says === 'yes' ? 'Yes, to exactly this?' : 'No, to this?')))
    throw failed('Nothing was answered.', `leasehold request show ${shortId}`)
  const body = { says, bodyHash, comment: cli.options.text('comment') }
  const after = (await cli.api.post(`/v1/requests/${request.id}/answer`, body)) as RequestView
  const now = after.state === 'open' ? 'others are still asked' : after.state
  const mark = says === 'yes' ? glyph.done : glyph.bad
  return said(after, [`${mark} You said ${says}: ${shortId} is ${now}`, `request show ${shortId}`])
}
