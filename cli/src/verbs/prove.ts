/** Words that read what was recorded: the log, a chain of proofs, why not, and the past again. */
import type * as api from '../../../src/doors/api/contract.ts'
import { type Answer, glyph, mark } from '../answer.ts'
import type { Cli } from '../cli.ts'
import { readText } from '../files.ts'
import { failed } from '../problem.ts'
import { named, pad, shortIds } from '../text.ts'
import { clockTime, dayTime } from '../time.ts'
import { decisionLines } from './cards.ts'
import { readApp, said, segment, tableOf } from './kit.ts'

/** Looking back over all decisions takes a while; nothing changes meanwhile. */
const look = { isLook: true, timeoutMs: 120_000 }

export async function log(cli: Cli, subject = ''): Promise<Answer> {
  const filter = ['kind', 'before', 'limit'].map(name => [name, cli.options.text(name) ?? ''])
  const there = [['subject', subject], ...filter].filter(([, value]) => value !== '')
  const page = (await cli.api.get(`/v1/log?${String(new URLSearchParams(there))}`)) as api.LogPage
  const keys = ['position', 'at', 'kind', 'actorName', 'says', 'subjects'] as const
  const table = tableOf([...page.entries], keys, cli.host.now())
  return { result: page, table, next: 'leasehold verify' }
}

export async function trace(cli: Cli, thing: string): Promise<Answer> {
  const view = (await cli.api.get(`/v1/trace/${segment(thing)}`)) as api.TraceView
  const { proven, asserted, missing } = view
  const hops = view.hops.map(hop => ({ ...hop, name: shortIds(hop.name) }))
  const width = (texts: string[]) => Math.max(12, ...texts.map(text => text.length))
  const [name, what] = [width(hops.map(hop => hop.name)), width(hops.map(hop => hop.what))]
  const sums = `${proven} of ${hops.length} steps proven, ${asserted} asserted, ${missing} missing.`
  const lease = hops.map(hop => /\bL-\w+/.exec(hop.name)?.[0]).find(id => id && id !== thing)
  const back = lease === undefined ? '' : `     Backwards: leasehold trace ${lease}`
  const lines = hops.map(hop => {
    const time = pad(hop.at === null ? '–' : clockTime(hop.at), 12)
    return `  ${pad(hop.name, name)}  ${pad(hop.what, what)}  ${time}  ${provenBy(hop)}`
  })
  const next = cli.server.demo ? 'policy try demo/stricter.cedar' : `log ${thing}`
  return said(view, [[...lines, `  ${sums}${back}`], next])
}

function provenBy({ state, by, entry }: api.Hop): string {
  if (state === 'asserted') return `asserted by ${by}`
  if (state === 'missing') return `${glyph.bad} missing  ${by}`
  return `${glyph.ok} proven   ${by}${entry === null || by.includes('#') ? '' : `, log #${entry}`}`
}

/** Without a name: the last refusal of this folder's app. */
export async function why(cli: Cli, decisionId?: string): Promise<Answer> {
  const id = decisionId ?? (await readApp(cli)).lastDenial?.decisionId
  if (id === undefined) throw failed('Nothing of it was refused.', 'leasehold status')
  const decision = (await cli.api.get(`/v1/decisions/${segment(id)}`)) as api.DecisionView
  const instead = decision.denial?.instead.find(each => each.command !== undefined)?.command
  const answer = said(decision, [decisionLines(decision, cli.host.now()), `trace ${id}`])
  return instead === undefined ? answer : { ...answer, next: named(instead) }
}

export async function checkPolicy(cli: Cli, file?: string): Promise<Answer> {
  const body = { text: file === undefined ? '' : readText(cli.host, file) }
  const view = (await cli.api.post('/v1/policy/check', body, look)) as api.PolicyCheckView
  const { rules, cases, failed: bad } = view
  const isGood = bad.length === 0
  const head = `${mark(isGood)} ${rules} rules, ${cases} cases, ${bad.length} failed`
  const wrong = bad.map(each => `  ${each.rule}: ${each.name}: ${each.expected}, got ${each.got}`)
  return said(view, [[head, ...wrong], `policy try ${file ?? 'FILE'}`, isGood])
}

export async function replay(cli: Cli, file: string): Promise<Answer> {
  const body = { text: readText(cli.host, file) }
  const view = (await cli.api.post('/v1/policy/try', body, look)) as api.ReplayView
  const { decisions, identical, changed } = view
  const isSame = identical === decisions
  const then = pad(`under the policy of that moment (${view.bundle.slice(0, 8)})`, 42)
  const lines = [
    `  ${decisions} recorded decisions, played again`,
    `    ${then} ${identical} of ${decisions} the same${isSame ? ', byte for byte' : ''}`,
    `    ${pad(`under ${file}`, 42)} ${changed.length} ${changed.length === 1 ? 'differs' : 'differ'}`,
    ...changed.flatMap(each => changedLines(each, cli.host.now())),
    `  Nothing was changed. To propose it: leasehold policy push ${file} (a second person approves)`,
  ]
  const next = cli.server.demo ? 'demo liar' : `policy push ${file}`
  return said(view, [lines, next, isSame])
}

function changedLines(change: api.ReplayView['changed'][number], now: number): string[] {
  const { shortId, what, from, to, rule, line, at, stopped } = change
  const place = line === null ? '' : ` (line ${line})`
  const effect = to === 'no' ? 'would have stopped' : 'would have allowed'
  return [
    `      ${pad(`${shortId}  ${what}`, 36)} ${from} → ${pad(to, 6)} rule ${rule}${place}`,
    `           ${effect}: ${stopped === null ? '' : `${stopped}, `}${dayTime(at, now)}`,
  ]
}
