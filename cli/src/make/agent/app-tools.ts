/** Tools about the app: who works here, a new one, how it is, why not, and what to do when a credential was seen. */
import { dirname } from 'node:path'
import type * as api from '../../../../src/doors/api/contract.ts'
import { type Cli, folderApp, Options } from '../../cli.ts'
import { dayTime } from '../../time.ts'
import { appLines } from '../../verbs/cards.ts'
import { readApp, segment } from '../../verbs/kit.ts'
import { why } from '../../verbs/prove.ts'
import { make } from '../new.ts'
import { readMade } from '../record.ts'
import { rules } from './rules.ts'
import { type Args, final, grantOf, type Place, run, type Told } from './tool.ts'

export async function whoami(cli: Cli): Promise<Told> {
  const { person, installation } = (await cli.api.get('/v1/me')) as api.Me
  const slug = folderApp(cli.host.cwd)
  const app = slug === undefined ? undefined : await readApp(cli, slug).catch(() => undefined)
  const here = app
    ? `This folder is ${app.slug}: ${app.purpose}. It ends ${dayTime(app.endsAt, cli.host.now())}.`
    : 'This folder is no app yet.'
  const may = app?.grants.filter(({ state }) => state === 'live').map(grantOf) ?? []
  const has = may.length > 0 ? `It may: ${may.join('; ')}.` : 'It has synthetic data alone, so far.'
  const lines = [
    `You work for ${person?.name ?? 'nobody'} at ${installation.name}.`,
    here,
    has,
    ...rules.trim().split('\n'),
  ]
  return {
    lines,
    next: app ? 'leasehold dev' : 'leasehold_start_app with the sentence of the user',
  }
}

export async function startApp(cli: Cli, args: Args, at: Place): Promise<Told> {
  const [data] = (args['data'] as readonly string[] | undefined) ?? []
  const days = args['days'] === undefined ? undefined : String(args['days'])
  const { purpose, template, backup } = args
  const options = new Options({ template, backup, data, days, input: false })
  const made = readMade(at.folder)
  // Made beside an app, never inside one.
  const base = made === undefined || made.purpose === purpose ? at.folder : dirname(at.folder)
  const { installation } = (await cli.api.get('/v1/me')) as api.Me
  // At a terminal a person is asked for this: here the agent asks them.
  if (backup === undefined && installation.mode === 'team' && made?.purpose !== purpose)
    return whoElse
  const inner = { ...cli, options, host: { ...cli.host, cwd: base } }
  const { result, lines = [] } = await make(inner, String(purpose))
  const { folder, app, asked } = result as { folder: string; app: string; asked?: Asked }
  at.folder = folder
  const who = asked
    ? `I asked ${asked.approvers.join(', ')} for the data. Until then it shows`
    : 'It shows'
  const tellUser = `I made ${app}. ${who} synthetic rows.`
  return { lines, next: `leasehold dev --cwd ${folder}`, tellUser }
}
type Asked = { approvers: readonly string[] }

const whoElse: Told = {
  lines: ['Two people answer for an app: the user, and a backup for when they are away.'],
  next: 'ask the user who, then leasehold_start_app with backup',
  tellUser: 'Who answers for this app when you are away?',
  status: 'action_required',
}

export async function whyNot(cli: Cli, args: Args): Promise<Told> {
  const answer = await why(cli, args['id'] === undefined ? undefined : String(args['id']))
  return {
    lines: [...(answer.lines ?? []), final],
    next: answer.next ?? 'leasehold status',
    status: 'denied',
  }
}

export async function status(cli: Cli, args: Args): Promise<Told> {
  const app = await readApp(cli)
  const all = appLines(app, cli.host.now())
  const isShort = args['response_format'] !== 'detailed'
  const lines = isShort ? all.filter(line => !/^ {2}(Purpose|Backup|Stage|Says)/.test(line)) : all
  return { lines, next: app.next ?? 'leasehold dev' }
}

/** Ends what the app holds. What was pasted may be of another system: a person revokes it there. */
export async function reportSecret(cli: Cli, args: Args): Promise<Told> {
  const slug = folderApp(cli.host.cwd)
  const query = `/v1/leases?open=true&app=${segment(slug ?? '-')}`
  const { items } = slug
    ? ((await cli.api.get(query)) as { items: api.LeaseView[] })
    : { items: [] }
  const ended: string[] = []
  for (const { id, shortId } of items) {
    const { outcome } = (await cli.api.post(
      `/v1/leases/${id}/release`,
      {},
      { timeoutMs: 20_000 },
    )) as api.LeaseView
    ended.push(`${shortId} ${outcome ?? 'is ending'}`)
  }
  const lines = [
    ended.length > 0
      ? `Ended what the app held: ${ended.join(', ')}.`
      : 'The app held nothing that is live.',
    'If it was made elsewhere, it is alive there: a person revokes it where it was made. Do not use it, do not repeat it.',
    `In its place: ${run('crm.deals', 'read')}, with what the app needs.`,
  ]
  const tellUser = `A credential was in ${String(args['where'])}. Please revoke it where it was made; the app does not need it.`
  return { lines, next: 'leasehold status', tellUser, status: 'action_required' }
}
