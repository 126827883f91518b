/**
 * What anybody can check: the log, traces, why something was refused, what rules would have done; a
 * certificate, offline, and the server's log against the one seen before.
 */

import { existsSync, globSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type * as api from '../../../src/doors/api/contract.ts'
import type { ConsistencyView, LogCheckView } from '../../../src/doors/api/contract.ts'
import { type Answer, glyph, mark } from '../answer.ts'
import type { Cli } from '../cli.ts'
import { configFolder, readPrivate, readText } from '../files.ts'
import { exits, failed, problem } from '../problem.ts'
import { type Certificate, type TrustedRoot, verifyCertificate } from '../proof/certificate.ts'
import { decodeExactly, shortPrint, signersOf } from '../proof/keys.ts'
import { isPrefix, openCheckpoint } from '../proof/log.ts'
import { changeProfile, type Profile, readProfile } from '../server.ts'
import { pad, shortIds } from '../text.ts'
import { clockTime, dayTime } from '../time.ts'
import { pinRoot } from '../trust.ts'
import { decisionLines } from './cards.ts'
import { readApp, said, segment, stateWord, tableOf } from './kit.ts'

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
  return said(decision, [decisionLines(decision, cli.host.now()), instead ?? `trace ${id}`])
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
    `  ${view.isAll ? '' : 'the oldest '}${decisions} recorded decisions, played again`,
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
  const effects = {
    no: 'would have stopped',
    yes: 'would have allowed',
    watched: 'would be watched',
  }
  const effect = effects[to]
  return [
    `      ${pad(`${shortId}  ${what}`, 36)} ${from} → ${pad(to, 6)} rule ${rule}${place}`,
    `           ${effect}: ${stopped === null ? '' : `${stopped}, `}${dayTime(at, now)}`,
  ]
}

type Item = Certificate['items'][number]

export async function verify(cli: Cli, file?: string): Promise<Answer> {
  if (file === undefined) return verifyLog(cli)
  const now = cli.host.now()
  const [text, roots] = [readText(cli.host, file), rootsFor(cli, file)]
  if (text.startsWith('{\n  "schema": "leasehold/v1-day-report"'))
    return (await import('../make/day/report.ts')).verifyReport(text, roots, now)
  const verdict = verifyCertificate(text, roots, now)
  if (!verdict.proven) {
    const lines = [`  ${glyph.bad} ${verdict.fields.join(' or ')}: ${verdict.says}`]
    const next = 'Trust nothing in this file; get it again from who signed it.'
    return { result: verdict, lines, next, exit: exits.failed }
  }
  const { app, items } = verdict.certificate
  const lines = certificateLines(verdict.certificate, now)
  if (!items.every(isGreen)) return said(verdict, [lines, `end ${app.slug}`, false])
  return { result: verdict, lines, next: 'change one letter in the file and run this again' }
}

/** The words of an end that leave nothing open. */
function isGreen({ state }: Item): boolean {
  return ['verified-gone', 'transferred', 'kept'].includes(state)
}

function certificateLines(certificate: Certificate, now: number): string[] {
  const { app, installation, items, systems, trusted, entry, checkpoint: of } = certificate
  const { endedAt, endedBy } = certificate
  const day = dayTime(endedAt, now).replace(/[\d:]+$/, clockTime(endedAt).slice(0, 8))
  const key = `${installation.name} key ${shortPrint(trusted.fingerprint)}`
  const left = items.filter(item => !isGreen(item))
  const states = Map.groupBy(items, item => item.state.replaceAll('-', ' '))
  const sums = [...states].map(([state, some]) => `${some.length} ${state}: ${kindsOf(some)}`)
  const [seen = [], not = []] = [true, false].map(is => systems.filter(each => each.looked === is))
  const looked = seen.map(({ name, paths }) => `${name} (${paths.join('; ')})`)
  const none = "nothing: the app's manifest names no other system"
  const leftText = (item: Item) => `${stateWord(item.state)}   ${item.name}   ${item.because ?? ''}`
  const others = not.map(({ name, because }) => `${name}: ${because}`)
  const lines: (readonly [sign: string, label: string, says: string])[] = [
    [glyph.ok, 'signature', `${key}   (you trust it because: ${trusted.because})`],
    [glyph.ok, 'in the log', `entry ${entry} of ${of}, inclusion proven to checkpoint ${of}`],
    [left.length === 0 ? glyph.ok : glyph.wait, `${items.length} things`, sums.join(' · ')],
    ...left.map(item => [' ', '', leftText(item)] as const),
    [glyph.ok, 'looked at', looked.join(' · ')],
    [glyph.off, 'not looked at', others.join(' · ') || none],
  ]
  if (installation.mode === 'solo') lines.push([glyph.off, 'solo', 'nobody else agreed to it'])
  return [
    `  ${app.slug} ended ${day}, by ${endedBy}           checked offline, server not asked`,
    ...lines.map(([sign, label, says]) => `  ${sign} ${label.padEnd(16)} ${says}`),
    '  Without our code: docs/how-to/verify-with-other-tools.md (Go, 20 lines)',
  ]
}

/** `1 database user, 5 identities`. */
function kindsOf(items: readonly Item[]): string {
  const nameOf = ({ kind }: Item) => kind.replace('lease', 'database user').replaceAll('-', ' ')
  const words = (name: string, { length }: readonly Item[]) =>
    `${length} ${length === 1 ? name : `${name}s`.replace(/ys$/, 'ies')}`
  return [...Map.groupBy(items, nameOf)].map(each => words(...each)).join(', ')
}

/** Told here; or known from a sign-in; or lying beside the file: and it is said which. */
function rootsFor({ host, options }: Cli, file: string): TrustedRoot[] {
  const root = (text: string, because: string) => ({ fingerprint: text.trim(), because })
  const told = options.text('root')
  if (told !== undefined)
    return [root(/^[0-9a-f]{64}$/.test(told) ? told : readText(host, told), '--root')]
  const profiles = globSync(join(configFolder(host.env), 'servers', '*.json'))
    .map(name => JSON.parse(readPrivate(name) ?? '{}') as Profile)
    .map(({ url, rootFingerprint = '' }) => root(rootFingerprint, `you signed in at ${url}`))
  const beside = join(dirname(file), 'trusted-key.pub')
  const isThere = existsSync(resolve(host.cwd, beside))
  return [...profiles, ...(isThere ? [root(readText(host, beside), beside)] : [])]
}

/** INVARIANT: a log that forgot or changed what this computer has seen is refused, and stays refused. */
async function verifyLog({ server, api }: Cli): Promise<Answer> {
  const table = await pinRoot(server)
  const signers = signersOf(table, 'ledger')
  const read = async (from: number) => {
    const view = (await api.get(`/v1/log/consistency?from=${from}`)) as ConsistencyView
    const path = view.path.map(hash => decodeExactly(hash, 'base64') ?? Buffer.alloc(0))
    return { note: view.checkpoint, tree: openCheckpoint(view.checkpoint, signers), path }
  }
  const first = await read(0)
  const known = readProfile(server).checkpoint
  const before = known === undefined ? { ...first.tree, size: 0 } : openCheckpoint(known, signers)
  const { note, tree, path } = await read(Math.min(before.size, first.tree.size))
  if (tree.origin !== before.origin || !isPrefix(before, tree, path))
    throw problem('LH-LOG-16', { now: String(tree.size), before: String(before.size) })
  await changeProfile(server, profile => ({ ...profile, checkpoint: note }))
  const check = (await api.post('/v1/log/check', {}, look)) as LogCheckView
  const { verified, entries, checkpoints, faults } = check
  const seen = `the ${before.size} entries seen before are its beginning`
  const grows = known === undefined ? 'first look: remembered from now on' : seen
  const lines = [
    `  ${glyph.ok} root key         ${shortPrint(table.rootFingerprint)}, ${table.installation}`,
    `  ${glyph.ok} checkpoint       ${tree.size} entries, signed by the key of ${tree.origin}`,
    `  ${glyph.ok} only grows       ${grows}`,
    `  ${mark(verified)} every entry      ${entries} read again by the server, ${checkpoints} checkpoints`,
    ...faults.map(fault => `      ${glyph.bad} ${fault}`),
  ]
  return said(check, [lines, 'log', verified])
}
