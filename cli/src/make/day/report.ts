/**
 * The report of a day: one file that holds the signed end certificates as they are, the signed head of the
 * log, and what was born outside; and the same for people. Every certificate is verified before it is
 * written and again by whoever reads it, by code that shares none with the server.
 *
 * Not signed: the sums and what was born outside. They are what the server said, and the report says so.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type * as api from '../../../../src/doors/api/contract.ts'
import { type Answer, glyph, mark } from '../../answer.ts'
import type { Cli } from '../../cli.ts'
import { failed, Problem } from '../../problem.ts'
import {
  type TrustedRoot,
  verifyCertificate,
  writeCertificateFile,
} from '../../proof/certificate.ts'
import { Fault, openKeyTable, signersOf } from '../../proof/keys.ts'
import { openCheckpoint } from '../../proof/log.ts'
import { pinRoot } from '../../trust.ts'
import { said, segment } from '../../verbs/kit.ts'
import { pageOf } from './page.ts'
import type { Day } from './plan.ts'
import { blockLines, standingLines } from './show.ts'
import { bySystem, readStanding, type Standing } from './stand.ts'
import { read, spread } from './work.ts'

/** As `verify` knows the file by its beginning. */
const schema = 'leasehold/v1-day-report'
type Report = Awaited<ReturnType<typeof makeReport>>

/** As it stands now, closed or not. */
export async function reportDay(cli: Cli, day: Day): Promise<Answer> {
  return tellStanding(cli, day, { start: cli.host.now(), isAsked: true, next: '' })
}

/** `isAsked`: the report is written though the day is open; `next`: what to type then. */
type Telling = { readonly start: number; readonly isAsked: boolean; readonly next: string }

export async function tellStanding(cli: Cli, day: Day, { start, isAsked, next }: Telling) {
  const standing = await readStanding(cli, day)
  const isClosed = standing.blocks.length === 0
  const report = isClosed || isAsked ? await writeReport(cli, day, standing) : null
  const seconds = (cli.host.now() - start) / 1000
  const { apps, ...told } = standing
  const names = apps.map(({ items: _, ...each }) => each)
  const result = { day: day.name, ...told, apps: names, bySystem: bySystem(apps), seconds, report }
  const end = isClosed ? [`  ${glyph.ok} ${day.name} is closed.`] : blockLines(standing)
  const written = report === null ? [] : [`  Report written   ${report}`]
  const lines = [...standingLines(standing, seconds), ...end, ...written]
  return said(result, [lines, report === null ? next : `verify ${report}`, isClosed])
}

/** Answers the path of the file, relative to where the person is. A report before is written over. */
async function writeReport(cli: Cli, day: Day, standing: Standing): Promise<string> {
  const made = await makeReport(cli, day, standing)
  const folder = `${day.name}.report`
  const at = (name: string) => resolve(cli.host.cwd, folder, name)
  mkdirSync(at('.'), { recursive: true })
  for (const { app, certificate } of made.apps)
    if (certificate !== null) writeFileSync(at(`${app}.end.json`), certificate)
  writeFileSync(at('summary.html'), pageOf(standing, made))
  writeFileSync(at('report.json'), `${JSON.stringify(made, null, 2)}\n`)
  return join(folder, 'report.json')
}

/** Each app with its certificate exactly as it is signed; null where it has none. */
async function makeReport(cli: Cli, day: Day, { apps, ...standing }: Standing) {
  const { rootFingerprint: fingerprint } = await pinRoot(cli.server)
  const trusted = [{ fingerprint, because: 'the server we speak to' }]
  const certified = await spread(apps, async ({ items: _, ...app }) => {
    const path = `/v1/apps/${segment(app.app)}/certificate`
    if (app.how !== 'verified-gone') return { ...app, certificate: null }
    const certificate = writeCertificateFile(await read<api.CertificateFile>(cli, path))
    const verdict = verifyCertificate(certificate, trusted, cli.host.now())
    const next = 'Trust nothing of this server, and tell whoever runs it.'
    if (!verdict.proven || verdict.certificate.app.slug !== app.app)
      throw failed(`${app.app}: its certificate is not proven.`, next)
    return { ...app, certificate }
  })
  const head = await read<api.ConsistencyView>(cli, '/v1/log/consistency', { from: '0' })
  return {
    schema,
    day: day.name,
    when: `${day.opens} – ${day.closes}, everything ends ${day.ends}`,
    writtenAt: new Date(cli.host.now()).toISOString(),
    closed: standing.blocks.length === 0,
    ...standing,
    apps: certified,
    // A signed note (C2SP), by a key of the table.
    checkpoint: head.checkpoint,
    keys: await read<api.KeyTableView>(cli, '/v1/keys'),
  }
}

/** Offline. Each certificate is proven, and says what the report says of its app; the log's head is signed. */
export function verifyReport(text: string, trusted: TrustedRoot[], now: number): Answer {
  const { apps, day, writtenAt, bornOutside, blocks, closed, ...head } = parseReport(text)
  const isOpen = apps.some(({ how }) => how === 'not-yet') || blocks.length > 0
  const isUnsettled = bornOutside.some(({ isSettled }) => !isSettled)
  const faults = [
    ...apps.flatMap(app => faultsOf(app, trusted, now)),
    ...headFaults(head, trusted),
    ...(closed && (isOpen || isUnsettled) ? ['it is called closed, and is open'] : []),
  ]
  const proven = apps.filter(({ certificate }) => certificate !== null).length
  const isProven = faults.length === 0
  const state = closed ? `${glyph.ok} closed` : `${glyph.wait} not closed: ${blocks.length} open`
  const unsigned = `what was born outside (${bornOutside.length}) is the server's word`
  const lines = [
    `  ${day}, written ${writtenAt}           checked offline, server not asked`,
    `  ${mark(isProven)} ${proven} of ${apps.length} apps have an end certificate`,
    `  ${state}`,
    `  ${glyph.off} not signed: ${unsigned}`,
    ...faults.map(fault => `  ${glyph.bad} ${fault}`),
  ]
  return said({ day, proven: isProven, closed, faults }, [lines, 'log', isProven && closed])
}

/** ATTACKER: anybody may have written it. What is not of the form is refused, and nothing else is asked of it. */
function parseReport(text: string): Report {
  try {
    const made = JSON.parse(text) as Report
    const lists = [made.apps, made.bornOutside, made.blocks] as readonly (readonly object[])[]
    const isForm = lists.flat().every(each => typeof each === 'object' && each !== null)
    if (isForm && lists.every(Array.isArray) && typeof made.keys.body === 'string') return made
  } catch {}
  throw new Fault('file', 'it is no report of a day')
}

function faultsOf(stand: Report['apps'][number], trusted: TrustedRoot[], now: number): string[] {
  const { app, how, green, of, certificate } = stand
  if (certificate === null) return how === 'verified-gone' ? [`${app}: it has no certificate`] : []
  const verdict = verifyCertificate(certificate, trusted, now)
  if (!verdict.proven) return [`${app}: ${verdict.fields.join(' or ')}: ${verdict.says}`]
  const { app: its, state, items } = verdict.certificate
  const isSame = its.slug === app && state === how && items.length === of && green === of
  return isSame ? [] : [`${app}: its certificate says something else`]
}

type Head = Pick<Report, 'checkpoint' | 'keys'>

function headFaults({ checkpoint, keys }: Head, trusted: TrustedRoot[]): string[] {
  try {
    const table = openKeyTable(keys, print => trusted.some(each => each.fingerprint === print))
    openCheckpoint(checkpoint, signersOf(table, 'ledger'))
    return []
  } catch (error) {
    if (error instanceof Problem) return [`checkpoint: ${error.text.what}`]
    throw error
  }
}
