/**
 * `adopt export.json`: the accounts a low-code workflow is connected with become one app's, which has an owner and an
 * end, and ends them with itself. Each is tied to a thing that was found at a connected system: by its name where exactly
 * one there is called so and a person says yes, else as a person says. It holds no right of its own; said again it goes
 * on after a crash, a refusal, or what another person had to say first.
 *
 * INVARIANT: of the file nothing is sent but names: the workflow's, and of accounts that no connected system shows.
 */
import type * as api from '../../../../src/doors/api/contract.ts'
import { type Answer, glyph } from '../../answer.ts'
import { ask, type Cli, confirm, refuseAgent, type Verb } from '../../cli.ts'
import { readBytes } from '../../files.ts'
import { exits, failed, Problem, usage } from '../../problem.ts'
import { adopt as adoptThing } from '../../verbs/found.ts'
import { readApp, segment, tableOf } from '../../verbs/kit.ts'
import { slugOf } from '../../verbs/life.ts'
import { findApp } from '../day/work.ts'
import { type Account, type Exported, readExport } from './export.ts'

export const adopt: Verb = (cli, what = '') => {
  if (/\.json$/i.test(what)) return adoptExport(cli, what)
  if (!(cli.options.text('owner') ?? cli.options.list('account'))) return adoptThing(cli, what)
  throw usage('--owner and --account go with an export.', 'leasehold help adopt')
}

/** `thing`: null where no connected system shows it, undefined where nobody has said which it is. */
type Tie = { account: Account; thing?: api.FoundView | null; isByName?: boolean }
/** With the connector of its system. */
type Seen = api.FoundView & { connector: string }
type Plan = { app: string; owner: string; isMine: boolean; isNew: boolean; body: object }

async function adoptExport(cli: Cli, file: string): Promise<Answer> {
  refuseAgent(cli)
  const read = readExport(new TextDecoder().decode(readBytes(cli.host, file)))
  const { accounts, written } = read
  if (accounts.length === 0) throw failed('It uses no connected account.', 'Nothing to adopt.')
  const labels = accounts.map(({ label }) => `${label}=`)
  const said = cli.options.list('account', '\n') ?? []
  const stray = said.find(text => !labels.some(label => text.startsWith(label)))
  if (stray !== undefined)
    throw usage(`\`${stray}\` names none of its accounts.`, `Say one of: ${labels.join(' ')}`)
  const seen = await readInventory(cli, accounts)
  const ties: Tie[] = []
  for (const each of accounts) {
    const which = said.find(text => text.startsWith(`${each.label}=`)) ?? ''
    ties.push(await tie(cli, each, seen, which.slice(each.label.length + 1)))
  }
  for (const each of ties) cli.out.note(tellOf(each, seen))
  for (const node of written.slice(0, 20))
    cli.out.note(`${glyph.wait} ${node}: seems to hold a credential itself, which no system shows`)
  const plan = await complete(cli, read, ties, seen)
  const waits: string[] = []
  for (const each of ties) waits.push(...(await settle(cli, each, plan)))
  const rest = ties.filter(({ thing }) => thing === null).map(({ account }) => account)
  if (rest.length > 0 && waits.length === 0)
    waits.push(...(await nameRest(cli, plan, read.product, rest)))
  const shown = ties.map(({ account: { label: account, kind, usedBy }, thing }) => {
    const { name = '', target = '', state = 'not looked at', lastSeenAt = null } = thing ?? {}
    return { account, kind, usedBy, thing: name, target, state, lastSeenAt }
  })
  const keys = ['account', 'kind', 'usedBy', 'thing', 'target', 'state', 'lastSeenAt'] as const
  const table = tableOf(shown, [...keys], cli.host.now())
  const result = { app: plan.app, owner: plan.owner, accounts: shown, waits }
  const lines = waits.map(wait => `${glyph.wait} ${wait}`)
  if (waits.length === 0) return { result, table, next: `leasehold status ${plan.app}` }
  return { result, lines, table, next: 'The same again, once they have', exit: exits.waiting }
}

/** What is at the systems these accounts may be of. */
async function readInventory({ api }: Cli, accounts: readonly Account[]): Promise<Seen[]> {
  const { items } = (await api.get('/v1/targets')) as { items: api.TargetView[] }
  const wanted = accounts.map(({ kind }) => connectorOf(kind))
  const seen: Seen[] = []
  for (const { slug, connector } of items.filter(each => wanted.includes(each.connector))) {
    for (let from: number | null | undefined = 0; typeof from === 'number'; ) {
      const page = from === 0 ? '' : `&skip=${from}`
      const found = (await api.get(`/v1/found?target=${slug}${page}`)) as api.FoundList
      seen.push(...found.items.map(thing => ({ ...thing, connector })))
      from = found.next
    }
  }
  return seen.filter(({ state }) => state !== 'gone')
}

/** How a kind of account begins, and whose it is where that is called otherwise. */
const kinds = 'postgres mysql mariadb=mysql redis github slack notion snowflake aws azure'

function connectorOf(kind: string): string | undefined {
  const words = kinds.split(' ').map(word => word.split('='))
  return words.find(([begins = '']) => kind.toLowerCase().startsWith(begins))?.at(-1)
}

const plain = (name: string) => name.toLowerCase().replaceAll(/[^\p{L}\p{N}]+/gu, '-')

async function tie(cli: Cli, account: Account, seen: readonly Seen[], said = ''): Promise<Tie> {
  if (said === 'none') return { account, thing: null }
  const connector = connectorOf(account.kind)
  if (said === '') {
    const isSame = ({ name }: Seen) => plain(name) === plain(account.name)
    const [thing, ...others] = mayBe(account, seen).filter(isSame)
    return thing && others.length === 0 ? { account, thing, isByName: !thing.isKnown } : { account }
  }
  const known = seen.find(({ shortId }) => shortId === said.toUpperCase())
  if (known !== undefined && connector !== undefined && known.connector !== connector)
    throw usage(`${said} is no thing of ${connector}.`, `It ${candidates(account, seen)}.`)
  return { account, thing: known ?? ((await cli.api.get(`/v1/found/${segment(said)}`)) as Seen) }
}

const mayBe = ({ kind }: Account, seen: readonly Seen[]) =>
  seen.filter(({ connector }) => connector === connectorOf(kind))
const idOf = ({ shortId, name, target }: api.FoundView) => `${shortId} ${name} at ${target}`

function candidates(account: Account, seen: readonly Seen[]): string {
  const some = mayBe(account, seen).slice(0, 9).map(idOf).join(', ')
  return some === '' ? 'no connected system shows it' : `may be ${some}`
}

/** What a person sees before anything is asked or done. */
function tellOf({ account, thing, isByName }: Tie, seen: readonly Seen[]): string {
  const { label, kind, usedBy } = account
  const tied = thing && `${idOf(thing)}${isByName ? ', by its name' : ''}`
  const about = `${label}   ${kind}, in ${usedBy.join(', ')}: ${tied ?? candidates(account, seen)}`
  return `${thing ? glyph.done : glyph.wait} ${about}`
}

/** Whose, until when, which thing: where nobody can be asked, all that is missing is named at once. */
async function complete(cli: Cli, read: Exported, ties: Tie[], seen: Seen[]): Promise<Plan> {
  const { api, options } = cli
  const app = options.text('app') ?? slugOf(read.name)
  if (app === '') throw usage('Its name makes no name of an app.', 'Say --app night-export')
  const [known, me] = [await findApp(cli, app), (await api.get('/v1/me')) as api.Me]
  const [isNew, isTeam] = [known === undefined, me.installation.mode !== 'solo']
  const needs = [
    ['owner', 'Who owns it?', '"Maya Ortiz"', isNew],
    ['backup', 'Who answers for it when they are away?', '"Tom Reyes"', isNew && isTeam],
    ['days', 'In how many days does it end? At most 30:', '14', isNew && !options.text('until')],
  ] as const
  const missing = needs.filter(([option, , , isNeeded]) => isNeeded && !options.text(option))
  const open = ties.filter(({ thing }) => thing === undefined)
  const isGuessed = ties.some(({ isByName }) => isByName)
  const instead = [
    ...missing.map(([option, , example]) => `--${option} ${example}`),
    ...open.map(({ account }) => `--account "${account.label}=U-… or none"`),
    ...(isGuessed ? ['--yes'] : []),
  ].join(' ')
  const told: Record<string, string> = {}
  for (const [option, question] of missing) told[option] = await ask(cli, question, instead)
  for (const each of open) {
    const answer = await ask(cli, `Which is ${each.account.label}? Its U-…, or none:`, instead)
    Object.assign(each, await tie(cli, each.account, seen, answer || 'U-'))
  }
  if (isGuessed && !(await confirm(cli, 'Is each of these what its name says?')))
    throw failed('Nothing was adopted.', 'Say which it is: --account "NAME=U-…"')
  if (isNew && ties.every(({ thing }) => thing === null))
    throw failed('No connected system shows any of it.', 'leasehold help connect')
  const said = (name: string) => told[name] ?? options.text(name)
  const path = `/v1/people?named=${encodeURIComponent(said('owner') ?? known?.owner.id ?? '')}`
  const [owner] = ((await api.get(path)) as { items: api.PersonView[] }).items
  const purpose = options.text('purpose') ?? `${read.product}: ${read.name}`
  const days = told['days'] === undefined ? options.count('days') : Number(told['days'])
  const more = { dataClasses: options.list('class'), watchDays: options.count('watch') }
  const body = { purpose, backup: said('backup'), endsAt: options.text('until'), days, ...more }
  return { app, owner: owner?.name ?? '', isMine: owner?.id === me.person?.id, isNew, body }
}

/** Claimed by its owner, then adopted. What somebody else has to say first is no failure: said again, this goes on. */
async function settle({ api }: Cli, each: Tie, plan: Plan): Promise<string[]> {
  const { thing } = each
  if (!thing || thing.app === plan.app) return []
  const { name, target, shortId } = thing
  const path = `/v1/found/${thing.id}`
  if (plan.isMine) each.thing = (await api.post(`${path}/claim`, {})) as api.FoundView
  if (each.thing?.owner !== plan.owner)
    return [`${plan.owner} says first that ${name} is theirs: leasehold claim ${shortId}`]
  const body = { app: plan.app, ...(plan.isNew ? plan.body : {}) }
  try {
    each.thing = (await api.post(`${path}/adopt`, body)) as api.FoundView
    plan.isNew = false
    return []
  } catch (error) {
    // No rule lets them: another person is meant. What a rule forbids is forbidden to each.
    if (!(error instanceof Problem) || error.text.denial?.rule !== 'default-deny') throw error
    return [`${name}: who answers for ${target}, or for security, says this command too`]
  }
}

/** As needs of a purpose that nobody grants: so the certificate names them as what was not looked at. */
async function nameRest(cli: Cli, plan: Plan, product: string, rest: readonly Account[]) {
  const { app, owner, isMine } = plan
  const { purposes } = await readApp(cli, app)
  const before = purposes.flatMap(({ needs }) => needs.map(({ resource }) => resource))
  const named = rest.map(({ kind, name }) => {
    const words = plain(`${kind}-${name}`).replaceAll(/[^a-z0-9-]|^[^a-z]+/g, '')
    return `${product.toLowerCase()}.${words.slice(0, 80) || 'account'}`
  })
  const all = [...new Set([...before, ...named])]
  if (all.length === before.length) return []
  if (!isMine) return [`${named.join(', ')}: ${owner} says this command too, to have it named`]
  if (purposes.some(({ name }) => name !== 'low-code'))
    return [`${app} has a leasehold.yaml of its own: name ${named.join(', ')} in its needs`]
  const needs = all.map(resource => `{ resource: ${resource}, actions: [read] }`).join(', ')
  const says = `What ${product} does with accounts of its own`
  const yaml = `app: ${app}\npurposes:\n  low-code:\n    says: ${says}\n    needs: [${needs}]\n`
  await cli.api.post(`/v1/apps/${segment(app)}/manifest`, { yaml }, { method: 'PUT' })
  return []
}
