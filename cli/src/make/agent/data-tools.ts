/** Tools about data: what there is, what may be had of it, asking for it, and the code that reads it. */
import type * as api from '../../../../src/doors/api/contract.ts'
import type { Cli } from '../../cli.ts'
import { usage } from '../../problem.ts'
import { moment } from '../../time.ts'
import { readApp } from '../../verbs/kit.ts'
import { isOpen, wordsOf } from '../guess.ts'
import { type Args, final, grantOf, run, type Told } from './tool.ts'

export async function findData(cli: Cli, { query, limit }: Args): Promise<Told> {
  const items = await catalogue(cli)
  const said = new Set(wordsOf(String(query)))
  const points = ({ slug, columns }: api.ResourceView) =>
    [slug, slug, ...columns.map(({ name }) => name)].flatMap(wordsOf).filter(word => said.has(word))
      .length
  const found = items.filter(each => points(each) > 0).toSorted((a, b) => points(b) - points(a))
  if (found.length === 0) {
    const names = items.slice(0, 10).map(({ slug }) => slug)
    return {
      lines: [`Nothing is called so. There is: ${names.join(', ')}.`],
      next: 'leasehold_find_data with one of these',
    }
  }
  const shown = found.slice(0, Number(limit ?? 3))
  const lines = shown.flatMap(each => [
    `${each.slug}: ${each.dataClass}, ${each.dataOwner} answers for it. ${mayHave(each)}`,
    `  columns: ${columnsOf(each)}`,
  ])
  return { lines, next: `leasehold_request_access for ${standIn(found[0]) ?? shown[0]?.slug}` }
}

/** What the guardrails allow an app at all, before anybody is asked. The server decides, at each use. */
function mayHave(data: api.ResourceView): string {
  if (!isOpen(data))
    return `Never for an app that is a prototype. Instead: ${data.sandboxTwin ?? 'synthetic data'}.`
  if (data.isSandbox) return 'A sandbox: to be read and written, once agreed.'
  if (data.dataClass === 'customer')
    return 'To be read by named columns once agreed; never written.'
  return 'To be read once agreed.'
}

export async function check(cli: Cli, args: Args): Promise<Told> {
  const [action, name] = [String(args['action']), String(args['resource'])]
  if (!['read', 'write'].includes(action))
    return {
      lines: [
        `To ${action} is no use of data that is agreed to beforehand: a person says yes to it.`,
      ],
      next: 'Ask the user; `leasehold help all` says which word is theirs',
      status: 'action_required',
    }
  const data = await resourceNamed(cli, name)
  const isNever =
    !isOpen(data) || (action === 'write' && data.dataClass === 'customer' && !data.isSandbox)
  const rule = isOpen(data) ? 'customer-data-write' : 'regulated-needs-managed'
  const instead = data.sandboxTwin ?? 'synthetic data'
  if (isNever)
    return {
      lines: [
        `Never: ${name} is ${data.dataClass} data, and this app is a prototype (rule ${rule}). ${final}`,
      ],
      next: data.sandboxTwin
        ? `leasehold_request_access ${data.sandboxTwin} ${action}`
        : 'leasehold dev, with synthetic data',
      tellUser: `I can not ${action} ${name} from a prototype. I can use ${instead}.`,
      status: 'denied',
    }
  const app = await readApp(cli)
  const grant = app.grants.find(each => isFor(each, name, action))
  if (grant)
    return {
      lines: [`Allowed until ${moment(grant.endsAt, cli.host.now())}: ${grantOf(grant)}.`],
      next: run(name, action),
    }
  const open = app.requests.find(each => each.state === 'open' && saysOf(each, name))
  if (open) return waiting(open, name, action)
  const lines = [`To be asked for: ${data.dataOwner} answers for ${name}. ${mayHave(data)}`]
  return { lines, next: `leasehold_request_access ${name} ${action}`, status: 'action_required' }
}

export async function requestAccess(cli: Cli, args: Args): Promise<Told> {
  const [name, action] = [String(args['resource']), String(args['action'])]
  const data = await resourceNamed(cli, name)
  const app = await readApp(cli)
  const known = app.requests.find(each => each.state === 'open' && saysOf(each, name))
  if (app.grants.some(each => isFor(each, name, action)))
    return { lines: [`${app.slug} may ${action} ${name} already.`], next: run(name, action) }
  if (known) return waiting(known, name, action)
  const body: api.Ask = {
    app: app.slug,
    resource: data.slug,
    actions: [action as 'read'],
    roles: ['run', 'agent'],
    reason: String(args['because']),
    endsAt: args['for'] === undefined ? undefined : untilOf(cli, String(args['for'])),
  }
  const request = (await cli.api.post('/v1/requests', body)) as api.RequestView
  const told = waiting(request, name, action)
  const isDeclared = app.purposes.some(({ needs }) => needs.some(need => need.resource === name))
  const declare = `Add it to leasehold.yaml, under needs: { resource: ${name}, actions: [${action}] }; dev sends it.`
  return isDeclared ? told : { ...told, lines: [...told.lines, declare] }
}

function waiting(request: api.RequestView, name: string, action: string): Told {
  const { approvers, shortId, state } = request
  if (state !== 'open') return { lines: [`${shortId} is ${state}.`], next: run(name, action) }
  return {
    lines: [
      `Waiting for ${approvers.join(', ')} (${shortId}): ${name} ${action}. Go on with synthetic data; dev switches by itself.`,
    ],
    next: 'leasehold dev',
    tellUser: `I asked ${approvers.join(', ')} to let the app ${action} ${name}. I go on with synthetic rows until the answer.`,
    status: 'action_required',
  }
}

const code: Readonly<Record<string, readonly string[]>> = {
  ts: [
    "import pg from 'pg'",
    'const client = new pg.Client({ connectionString: process.env.DATABASE_URL })',
    'await client.connect()',
  ],
  py: ['import os, psycopg', 'client = psycopg.connect(os.environ["DATABASE_URL"])'],
  sql: ['psql -c "select * from TABLE limit 10"   (it finds the door by itself)'],
}

export async function connect(cli: Cli, args: Args): Promise<Told> {
  const { slug, columns } = await resourceNamed(cli, String(args['resource']))
  const lines = [
    ...(code[String(args['language'] ?? 'ts')] ?? []),
    `Columns: ${columnsOf({ columns })}`,
    'No password exists to paste. DATABASE_URL is there while the command runs, and opens one door on this machine.',
  ]
  return { lines, next: run(slug, 'read') }
}

const saysOf = ({ says }: api.RequestView, name: string) => says.split(/[\s,:]+/).includes(name)

function isFor({ state, resource, roles, actions }: api.GrantView, name: string, action: string) {
  return (
    state === 'live' &&
    resource === name &&
    roles.includes('agent') &&
    actions.includes(action as 'read')
  )
}

function columnsOf({ columns }: Pick<api.ResourceView, 'columns'>): string {
  const open = columns.filter(({ hidden }) => !hidden).map(({ name }) => name)
  const more = open.length > 12 ? `, and ${open.length - 12} more` : ''
  return `${open.slice(0, 12).join(', ') || 'as a whole'}${more}`
}

function standIn(data: api.ResourceView | undefined): string | undefined {
  return data === undefined || isOpen(data) ? data?.slug : (data.sandboxTwin ?? undefined)
}

async function catalogue({ api: server }: Cli): Promise<api.ResourceView[]> {
  return ((await server.get('/v1/resources')) as { items: api.ResourceView[] }).items
}

async function resourceNamed(cli: Cli, name: string): Promise<api.ResourceView> {
  const found = (await catalogue(cli)).find(({ slug }) => slug === name)
  if (found === undefined)
    throw usage(`There is no data \`${name}\`.`, 'leasehold_find_data with a word of it')
  return found
}

function untilOf({ host }: Cli, length: string): string {
  const [, count, unit] = /^(\d{1,3})([mhd])$/.exec(length) ?? []
  if (count === undefined) throw usage(`\`${length}\` is no length of time.`, 'Say 30m, 2h or 3d')
  const ms = { m: 60_000, h: 3_600_000, d: 86_400_000 }[unit ?? 'h'] ?? 0
  return new Date(host.now() + Number(count) * ms).toISOString()
}
