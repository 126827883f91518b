/** `verify`: a certificate, offline; or the server's log, against what this computer remembers of it. */
import { existsSync, globSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { ConsistencyView, LogCheckView } from '../../../src/doors/api/contract.ts'
import { type Answer, glyph, mark } from '../answer.ts'
import type { Cli } from '../cli.ts'
import { configFolder, readPrivate, readText } from '../files.ts'
import { exits, problem } from '../problem.ts'
import { type Certificate, type TrustedRoot, verifyCertificate } from '../proof/certificate.ts'
import { openCheckpoint } from '../proof/checkpoint.ts'
import { decodeExactly } from '../proof/fault.ts'
import { shortPrint, signersOf } from '../proof/keys.ts'
import { isPrefix } from '../proof/merkle.ts'
import { changeProfile, type Profile, readProfile } from '../server.ts'
import { clockTime, dayTime } from '../time.ts'
import { pinRoot } from '../trust.ts'
import { said, stateWord } from './kit.ts'

type Item = Certificate['items'][number]

export async function verify(cli: Cli, file?: string): Promise<Answer> {
  if (file === undefined) return verifyLog(cli)
  const now = cli.host.now()
  const verdict = verifyCertificate(readText(cli.host, file), rootsFor(cli, file), now)
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
  const look = { isLook: true, timeoutMs: 120_000 }
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
