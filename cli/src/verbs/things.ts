/** The words about things, one after the other: lists, what changes one, and `show` for any. */
import type * as api from '../../../src/doors/api/contract.ts'
import { type Answer, glyph } from '../answer.ts'
import type { Cli } from '../cli.ts'
import { moment } from '../time.ts'
import { appLines, cardOf, leaseLines } from './cards.ts'
import { changes, lists, readApp, reasonOf, type Said, said, segment, tableOf } from './kit.ts'

const nothing = () => ({})
const becauseOf = async (cli: Cli) => ({ reason: await reasonOf(cli) })

export const apps = lists<api.AppView>(
  'apps?',
  ['slug', 'state', 'owner', 'endsAt', 'endedAt', 'purpose'],
  app => `show ${app.slug}`,
)
export const leases = lists<api.LeaseView>(
  'leases?open=true&',
  ['shortId', 'state', 'app', 'resource', 'actions', 'principal', 'termEndsAt'],
  lease => `lease show ${lease.shortId}`,
)
export const resources = lists<api.ResourceView>(
  'resources?',
  ['slug', 'dataClass', 'dataOwner', 'target', 'isSandbox', 'sandboxTwin'],
  ({ slug }) => `ask ${slug}:read --because "…"`,
)
export const holds = lists<api.HoldView>(
  'holds?',
  ['id', 'state', 'scope', 'about', 'setBy', 'madeAt', 'reason'],
  hold => `hold lift ${hold.id}`,
)
export const findings = lists<api.FindingView>(
  'findings?',
  ['shortId', 'severity', 'state', 'owner', 'madeAt', 'says'],
  finding => `found answer ${finding.shortId} "…"`,
)
export const residual = lists<api.ResidualView>(
  'residual?',
  ['sinceAt', 'turn', 'state', 'app', 'system', 'name'],
  ({ app }) => `show ${app}`,
)
export const requests = lists<api.RequestView>(
  'requests?',
  ['shortId', 'state', 'madeAt', 'askedBy', 'approvers', 'says'],
  request => `request show ${request.shortId}`,
)

export const extend = changes(
  'apps/:app/extend',
  ({ options }) => ({ days: options.count('days'), endsAt: options.text('until') }),
  (app: api.AppView, { host }: Cli) => appSays(app, `ends ${moment(app.endsAt, host.now())}`),
)
export const transfer = changes(
  'apps/:app/transfer',
  ({ options }) => ({ to: options.text('to') }),
  (app: api.AppView) => appSays(app, `is offered to ${app.offeredTo}, who has to accept it`),
)
export const accept = changes('apps/:app/accept', nothing, (app: api.AppView) =>
  appSays(app, `belongs to ${app.owner.name}`),
)
export const pause = changes('apps/:app/pause', becauseOf, (app: api.AppView) =>
  appSays(app, 'is paused: it gets nothing new, and nothing is deleted'),
)
export const resume = changes('apps/:app/resume', nothing, (app: api.AppView) =>
  appSays(app, `is ${app.state} again`),
)
export const drop = changes('grants/:1/drop', nothing, (grant: api.GrantView) => [
  `${glyph.done} ${grant.shortId} given back: ${grant.app} may no longer use ${grant.resource} by it`,
  `status ${grant.app}`,
])
export const keep = changes('grants/:1/keep', nothing, (grant: api.GrantView) => [
  `${glyph.done} ${grant.shortId} stays: ${grant.app} may use ${grant.resource} by it`,
  `show ${grant.app}`,
])
export const release = changes('leases/:1/release', nothing, (lease: api.LeaseView, cli: Cli) => [
  leaseLines(lease, cli.host.now()),
  `trace ${lease.shortId}`,
  lease.outcome === 'verified-gone',
])
export const withdraw = changes('requests/:1/withdraw', nothing, (request: api.RequestView) => [
  `${glyph.off} ${request.shortId} withdrawn: nobody is asked any more`,
  'request ls',
])
export const setHold = changes(
  'holds',
  async (cli, scope, about) => ({ scope, about, ...(await becauseOf(cli)) }),
  ({ id, scope, about }: api.HoldView) => [
    `${glyph.held} held: ${scope} ${about}`,
    `hold lift ${id}`,
  ],
)
export const liftHold = changes('holds/:1/lift', nothing, (hold: api.HoldView) => [
  `${glyph.done} lifted: ${hold.scope} ${hold.about} may go on`,
  'hold ls',
])
export const answerFinding = changes(
  'findings/:1/answer',
  (_cli, _id, answer) => ({ answer }),
  ({ says }: api.FindingView) => [`${glyph.done} answered: ${says}`, 'found ls'],
)

function appSays(app: api.AppView, says: string): Said {
  const mark = app.state === 'paused' ? glyph.held : glyph.done
  return [`${mark} ${app.slug} ${says}`, `status ${app.slug}`]
}

export async function status(cli: Cli, slug?: string): Promise<Answer> {
  const app = await readApp(cli, slug)
  return said(app, [appLines(app, cli.host.now()), app.next ?? `log ${app.slug}`])
}

export async function trust(cli: Cli, slug?: string): Promise<Answer> {
  const app = await readApp(cli, slug)
  const items = app.trust.map(rule => ({ ...rule, claims: JSON.stringify(rule.claims) }))
  const table = tableOf(items, ['role', 'state', 'preset', 'issuer', 'claims'], cli.host.now())
  return { result: { items }, table, next: `leasehold trust add ${app.slug}` }
}

/** Whatever it is: the server says what a text stands for. */
export async function show(cli: Cli, text: string): Promise<Answer> {
  const entry = { type: 'entry', path: `/v1/log/${text.slice(1)}` }
  const look = async () => (await cli.api.get(`/v1/things/${segment(text)}`)) as api.ThingView
  const thing = /^#\d+$/.test(text) ? entry : await look()
  const found = await cli.api.get(thing.path)
  const verb = { lease: 'trace', task: 'trace', request: 'approve' }[thing.type]
  return said(found, [cardOf(thing.type, found, cli.host.now()), verb ? `${verb} ${text}` : 'log'])
}
