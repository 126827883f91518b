/**
 * `new`: from a sentence to an app that runs: registered, its folder written, its data asked for. Each step is noted in
 * the folder when it is done, so that the same word said again goes on after a crash; what the first step refuses
 * leaves nothing. It holds no right of its own: all of it is done as the person who typed it.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import type * as api from '../../../src/doors/api/contract.ts'
import { type Answer, glyph } from '../answer.ts'
import type { Cli } from '../cli.ts'
import { exits, Problem, usage } from '../problem.ts'
import { safeLine } from '../text.ts'
import { dayTime } from '../time.ts'
import { fields, readApp, said } from '../verbs/kit.ts'
import { appBody, newApp, slugOf } from '../verbs/life.ts'
import { guessResource, guessTemplate, isOpen } from './guess.ts'
import * as record from './record.ts'
import { type Filling, fill, kindsOfTemplate, readTemplate, type Template } from './template.ts'

/** One making: what is noted of it, and where. */
type Making = { cli: Cli; folder: string; template: Template; made: record.Made }
type Asked = Pick<api.RequestView, 'shortId' | 'state' | 'approvers'> & { actions: string }

export async function make(cli: Cli, purpose = ''): Promise<Answer> {
  if (cli.options.is('bare')) return newApp(cli, purpose)
  const making = begin(cli, purpose)
  const { folder } = making
  const app = await register(making, purpose).catch((error: unknown) => {
    if (error instanceof Problem && error.text.code === 'LH-NET-05') return error
    throw error
  })
  if (app instanceof Problem) return leaveUnclaimed(making, app)
  const { made } = making
  const found = (await catalogue(cli)).find(({ slug }) => slug === made.resource)
  const files = step(making, 'files', () => write(making, app, found))
  await step(making, 'manifest', () => pushManifest(cli, folder, app.slug))
  await step(making, 'trust', () => trustPeople(cli, app))
  const asked = await step(making, 'asked', () => ask(making, app))
  const commit = await step(making, 'git', () => commitAll(making))
  const result = { folder, ...made, ...(await files), asked, commit }
  const at = relative(cli.host.cwd, folder)
  const lines = [
    `${glyph.done} ${app.slug}   ${app.purpose}`,
    ...fields(app, ['owner', 'backup', 'endsAt'], cli.host.now()),
    `  ${glyph.done} folder      ${at === '' ? '.' : at}   template ${made.template} ${made.version}`,
    `  ${glyph.done} identity    ${app.identities.find(each => each.role === 'run')?.spiffeId ?? ''}`,
    `  ${commit ? glyph.done : glyph.wait} git         ${commit ?? 'no new commit'}`,
    ...dataLines(made.resource, asked),
  ]
  return said(result, [lines, at === '' ? 'dev' : `dev --cwd ${at}`])
}

/** The folder of an earlier try, or a new one below this. */
function begin(cli: Cli, purpose: string): Making {
  const { host, options } = cli
  if (safeLine(purpose) !== purpose || purpose.trim() === '')
    throw usage('Say in one line what it should do.', 'leasehold new "board of stuck deals"')
  const slug = options.text('name') ?? slugOf(purpose)
  const named = options.text('template')
  for (const folder of [host.cwd, join(host.cwd, slug)]) {
    const made = record.readMade(folder)
    if (made === undefined) continue
    const template = readTemplate(made.template)
    const isSame = made.purpose === purpose && (named ?? made.template) === made.template
    if (isSame) return { cli, folder, template, made }
    const what = `Another app was made here: ${made.app}, "${made.purpose}".`
    throw usage(what, `Say --name other-name, or go on with it: leasehold new "${made.purpose}"`)
  }
  const template = readTemplate(named ?? guessTemplate(purpose, kindsOfTemplate()))
  const folder = join(host.cwd, slug)
  record.claimFolder(folder)
  const { name, version, digest } = template
  const beganAt = new Date(host.now()).toISOString()
  const about = { purpose, app: slug, template: name, version, digest, beganAt }
  const made = { ...about, resource: '', steps: [] }
  record.writeMade(folder, made)
  return { cli, folder, template, made }
}

/** Its own registration, where the answer to an earlier try was lost; else a new one. */
async function register(making: Making, purpose: string): Promise<api.AppDetail> {
  const { cli, folder } = making
  const before = making.made
  try {
    if (before.steps.includes('registered')) return await readApp(cli, before.app)
    const known = await readApp(cli, before.app).catch(() => undefined)
    const { person } = (await cli.api.get('/v1/me')) as api.Me
    const isOurs = known?.owner.id === person?.id && known?.purpose === purpose
    const body = isOurs ? undefined : await appBody(cli, purpose)
    const resource = await chooseData(making, purpose)
    const app = isOurs ? known : await cli.api.post('/v1/apps', { ...body, slug: before.app })
    making.made = { ...before, resource, steps: ['registered'] }
    record.writeMade(folder, making.made)
    return app as api.AppDetail
  } catch (error) {
    const unclear: number[] = [exits.unreachable, exits.internal, exits.tryAgain]
    const isNo = error instanceof Problem && !unclear.includes(error.text.exit)
    if (isNo && before.steps.length === 0) record.unclaimFolder(folder)
    throw error
  }
}

/** Named by `--data`, else guessed. */
async function chooseData(making: Making, purpose: string): Promise<string> {
  const { cli } = making
  const named = cli.options.text('data')
  if (named === 'none') return ''
  const items = await catalogue(cli)
  if (named === undefined) return (await guessData(making, purpose, items))?.slug ?? ''
  const found = items.find(({ slug }) => slug === named)
  if (found === undefined) throw usage(`There is no data \`${named}\`.`, 'leasehold resource ls')
  if (isOpen(found)) return named
  const instead =
    found.sandboxTwin === null ? 'leasehold resource ls' : `--data ${found.sandboxTwin}`
  throw usage(`\`${named}\` is ${found.dataClass} data: for managed apps alone.`, instead)
}

/** In the systems its template speaks to; a bot in the one chat there is, whatever that is called. */
async function guessData({ cli, template }: Making, purpose: string, all: api.ResourceView[]) {
  if (template.connector === '') return guessResource(purpose, all)
  const { items } = (await cli.api.get('/v1/targets')) as { items: api.TargetView[] }
  const at = items.filter(each => each.connector === template.connector).map(({ slug }) => slug)
  const fit = all.filter(each => at.includes(each.target) && isOpen(each))
  return fit.length === 1 ? fit[0] : guessResource(purpose, fit)
}

/** All that can be asked for. */
export async function catalogue({ api }: Cli): Promise<api.ResourceView[]> {
  return ((await api.get('/v1/resources')) as { items: api.ResourceView[] }).items
}

/** Done once; what it made is noted. Undefined where it was done before. */
async function step<T>(
  making: Making,
  name: record.Step,
  work: () => T,
): Promise<Awaited<T> | undefined> {
  if (making.made.steps.includes(name)) return undefined
  const done = await work()
  making.made = { ...making.made, steps: [...making.made.steps, name] }
  record.writeMade(making.folder, making.made)
  return done
}

/** As it is agreed; in place of what was written while there was no server, where that is still so. */
function write(making: Making, app?: api.AppDetail, data?: api.ResourceView) {
  const { folder, template } = making
  const filled = (filling: Filling) => template.files.map(file => fill(file, filling))
  const drafts = filled(fillingOf(making))
  record.writeFiles(folder, app ? filled(fillingOf(making, app, data)) : drafts, drafts)
  return { files: template.files.length }
}

function fillingOf(making: Making, app?: api.AppDetail, data?: api.ResourceView): Filling {
  const { cli, made, template } = making
  const actions = template.actions.join(', ')
  const need = data === undefined ? '' : `{ resource: ${data.slug}, actions: [${actions}] }`
  const shown = data?.columns.filter(({ hidden }) => !hidden).map(({ name }) => name) ?? []
  const columns = shown.length > 0 ? shown : ['id', 'title', 'stage', 'amount', 'opened_on']
  const words = {
    app: made.app,
    purpose: made.purpose,
    owner: app?.owner.name ?? 'nobody yet',
    backup: app?.backup?.name ?? 'nobody yet',
    ends: app ? dayTime(app.endsAt, cli.host.now()) : 'a day after it was made',
    resource: data?.slug ?? 'samples',
    ask: data === undefined ? 'RESOURCE:read' : `${data.slug}:read`,
    server: cli.server.url.origin,
    template: `${made.template} ${made.version} ${made.digest.slice(0, 12)}`,
  }
  return { words, raw: { needs: `[${need}]`, columns: JSON.stringify(columns) } }
}

/** Nobody's, on synthetic data, for a day: what it is worth can be seen before anybody signs in. */
function leaveUnclaimed(making: Making, { text }: Problem): Answer {
  const { folder, made, cli } = making
  const result = { ...write(making), folder, ...made }
  const at = relative(cli.host.cwd, folder) || '.'
  const lines = [
    `${glyph.wait} ${made.app}   ${made.purpose}`,
    `  ${text.what} So it is nobody's: synthetic data alone, and it starts for a day.`,
    `  To make it yours, once there is a server: leasehold new "${made.purpose}"`,
  ]
  return said(result, [lines, `dev --cwd ${at}`])
}

async function pushManifest({ api }: Cli, folder: string, slug: string): Promise<void> {
  const yaml = readFileSync(join(folder, 'leasehold.yaml'), 'utf8')
  await api.post(`/v1/apps/${slug}/manifest`, { yaml }, { method: 'PUT' })
}

/** Its own people may do its work by hand, and so may their agents: each as an identity of its own. */
async function trustPeople({ api }: Cli, app: api.AppDetail): Promise<void> {
  const claims = { as: ['owner', 'backup'] }
  for (const role of ['run', 'agent'] as const) {
    const isThere = app.trust.some(rule => rule.role === role && rule.preset === 'person')
    const body: api.AddTrust = { role, preset: 'person', claims, reason: 'made with `new`' }
    if (!isThere) await api.post(`/v1/apps/${app.slug}/trust`, body)
  }
}

/** Never more than reading, but for what speaks. A no here is no failure: there is synthetic data, and it can be asked again. */
async function ask({ cli: { api, out }, made, template }: Making, app: api.AppDetail) {
  const { resource } = made
  if (resource === '') return undefined
  const body: api.Ask = {
    app: app.slug,
    resource,
    actions: template.actions,
    roles: ['run', 'agent'],
    // What a schedule starts has nobody beside it.
    unattended: template.name === 'job',
    reason: app.purpose,
  }
  try {
    const { shortId, state, approvers } = (await api.post('/v1/requests', body)) as Asked
    return { shortId, state, approvers, actions: template.actions.join(', ') }
  } catch (error) {
    if (!(error instanceof Problem) || error.text.exit === exits.unreachable) throw error
    out.note(`${glyph.wait} ${resource} was not asked for: ${error.message}`)
    return undefined
  }
}

function dataLines(resource: string, asked: Asked | undefined): string[] {
  if (resource === '')
    return [`  ${glyph.wait} data        none was named: synthetic. leasehold resource ls`]
  const who = asked?.approvers.join(', ')
  const waits = asked ? `asked ${who} for ${asked.actions} (${asked.shortId})` : 'to be asked for'
  return [`  ${glyph.wait} ${resource.padEnd(11)} ${waits}; synthetic rows until then`]
}

/** A first commit under a name of its own; nothing of the person's git, and no hook, is used. Undefined without git. */
function commitAll({ folder, made }: Making): string | undefined {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('GIT_')),
  )
  const settings = [
    `user.name=${made.app} (made by Leasehold)`,
    `user.email=${made.app}@leasehold.invalid`,
    'core.hooksPath=/dev/null',
    'commit.gpgSign=false',
  ].flatMap(each => ['-c', each])
  const git = (...words: string[]) =>
    spawnSync('git', ['-C', folder, ...settings, ...words], {
      encoding: 'utf8',
      env,
      timeout: 20_000,
    })
  if (!existsSync(join(folder, '.git')))
    if (git('init', '--quiet', '--template=', '-b', 'main').status !== 0) return undefined
  git('add', '--all')
  git('commit', '--quiet', '--message', `${made.template} ${made.version}: ${made.purpose}`)
  const head = git('rev-parse', '--short', 'HEAD')
  return head.status === 0 ? head.stdout.trim() : undefined
}
