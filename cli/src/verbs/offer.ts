/** Words of those who run the place: what is connected, which tools are agreed to, who has which role. */
import { text } from 'node:stream/consumers'
import type { PersonView, TargetView, ToolView, WhoView } from '../../../src/doors/api/contract.ts'
import { type Answer, glyph, mark } from '../answer.ts'
import { type Cli, confirm, refuseAgent } from '../cli.ts'
import { readText } from '../files.ts'
import { failed, usage } from '../problem.ts'
import { changes, field, lists, said, segment, tableOf } from './kit.ts'

export const targets = lists<TargetView>(
  'targets?',
  ['slug', 'connector', 'address', 'owner', 'production', 'preflightState', 'adminEndsAt'],
  () => 'resource ls',
)
export const people = lists<PersonView>(
  'people?',
  ['name', 'roles', 'state', 'isLiving', 'seenAt', 'id'],
  ({ name }) => `person roles "${name}" <roles>`,
)

export const setRoles = changes(
  'PUT people/:1/roles',
  (cli, _person, roles = '') => {
    refuseAgent(cli)
    return { roles: roles === 'none' ? [] : roles.split(',') }
  },
  ({ name, roles }: PersonView) => [
    `${glyph.done} ${name}: ${roles.join(', ') || 'no role'}`,
    'person ls',
  ],
)

/** Whoever connects an MCP server agrees to its tools as they are: a person does. */
export const connect = changes(
  'targets',
  async (cli, connector) => {
    refuseAgent(cli)
    const [slug, file] = [cli.options.text('name'), cli.options.text('config')]
    const like = 'leasehold connect postgres --name crm --config crm.json'
    if (!slug || !file) throw usage('It needs a name, and its config from a file.', like)
    const written = await readConfig(cli, file)
    const [production, shared] = [cli.options.is('production'), cli.options.is('shared')]
    // How a declared system is spoken to holds no secret, and is a file of its own.
    const system = cli.options.text('file')
    const config = system ? { ...(written as object), file: readText(cli.host, system) } : written
    return { slug, connector, config, production, shared, adminEndsAt: cli.options.text('until') }
  },
  ({ slug, connector, address, before, anewAt, preflightState, ...more }: TargetView) => {
    const steps = (more.preflightSteps ?? []).map(
      ({ name, ok, detail = '' }) => `  ${mark(ok)} ${name.padEnd(24)} ${detail}`,
    )
    const isGood = preflightState === 'passed'
    const head = `${mark(isGood)} ${slug} at ${address}: ${isGood ? 'connected' : 'does not work yet'}`
    const again = `connect ${connector} --name ${slug} --config <file>`
    if (before) steps.push(`  the credential before ${befores[before]}`)
    if (anewAt) steps.push(`  its credential is made anew by ${anewAt.slice(0, 16)}Z${others}`)
    return [[head, ...steps], isGood ? 'resource ls' : again, isGood]
  },
)

const others = ', and then nobody has seen it; if others use it too: connect it again with --shared'
const befores = { refused: 'is refused', 'still-there': 'is let in still', unknown: 'is not tried' }

export const rotate = changes(
  'targets/:1/rotate',
  cli => (refuseAgent(cli), {}),
  ({ slug, before = 'unknown' }: TargetView) => [
    `${mark(before === 'refused')} ${slug}: made anew, nobody has seen it; the one before ${befores[before]}`,
    'connect ls',
    before === 'refused',
  ],
)

/** INVARIANT: never from a flag, which others can read: it holds a credential. */
async function readConfig({ host }: Cli, file: string): Promise<unknown> {
  const isPiped = file === '-'
  if (isPiped && host.stdin.isTTY) throw usage('Nothing is piped in.', 'Name a file: --config FILE')
  const typed = isPiped ? await text(host.stdin) : readText(host, file)
  try {
    return JSON.parse(typed)
  } catch {
    throw usage(`${file} is no JSON.`, 'What to write: docs/connectors')
  }
}

const toolsAt = (slug: string) => `/v1/targets/${segment(slug)}/tools`

export async function tools({ api, host }: Cli, slug: string): Promise<Answer> {
  const { items } = (await api.get(toolsAt(slug))) as { items: ToolView[] }
  const table = tableOf(items, ['name', 'isAgreed', 'description'], host.now())
  return { result: { items }, table, next: `leasehold tools agree ${slug}` }
}

/** Asked of the rules, one by one: what is shown would be let now. */
export async function who({ api, host }: Cli, slug: string): Promise<Answer> {
  const { items } = (await api.get(`/v1/resources/${segment(slug)}/who`)) as { items: WhoView[] }
  const keys = ['app', 'identity', 'actions', 'purpose', 'autonomy', 'endsAt'] as const
  const next = items[0] ? `show ${items[0].app}` : `ask ${slug}:read`
  return { result: { items }, table: tableOf(items, keys, host.now()), next: `leasehold ${next}` }
}

/** INVARIANT: a yes carries the hash of all that was on the screen. */
export async function agreeTools(cli: Cli, slug: string): Promise<Answer> {
  refuseAgent(cli)
  const { items } = (await cli.api.get(toolsAt(slug))) as { items: ToolView[] }
  const open = items.filter(tool => !tool.isAgreed)
  for (const line of open.flatMap(toolLines)) cli.out.note(line)
  const next = `tools ls ${slug}`
  if (open.length === 0) return said({ items }, ['Each is as it was agreed to.', next])
  if (!(await confirm(cli, `${open.length} new or changed. Agree to exactly this?`)))
    throw failed('Nothing was agreed to.', `leasehold ${next}`)
  const hashes = Object.fromEntries(open.map(({ name, hash }) => [name, hash]))
  const after = await cli.api.post(toolsAt(slug), { tools: hashes })
  return said(after, [`${glyph.done} You agreed to ${Object.keys(hashes).join(', ')}`, next])
}

/** All of it, in lines short enough to be shown whole. */
function toolLines({ name, hash, says }: ToolView): string[] {
  const members = Object.entries(says).filter(([label]) => label !== 'name')
  const lines = members.flatMap(([label, value]) => {
    const words = typeof value === 'string' ? value : JSON.stringify(value)
    return (words.match(/[^\n]{1,200}/gu) ?? []).map((part, i) => field(i === 0 ? label : '', part))
  })
  return [`${glyph.wait} ${name}   ${hash.slice(0, 12)}`, ...lines]
}
