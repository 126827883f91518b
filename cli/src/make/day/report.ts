/**
 * The report of a day: one file that holds the signed end certificates as they are, the signed head of the
 * log, and what was born outside; and the same for people. Every certificate is verified before it is
 * written and again by whoever reads it, by code that shares none with the server.
 *
 * Not signed: the sums and what was born outside. They are what the server said, and the report says so.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { CertificateFile, KeyTableView } from '../../../../src/doors/api/contract.ts'
import { type Answer, glyph, mark } from '../../answer.ts'
import type { Cli } from '../../cli.ts'
import { failed } from '../../problem.ts'
import {
  type TrustedRoot,
  verifyCertificate,
  writeCertificateFile,
} from '../../proof/certificate.ts'
import { openKeyTable, signersOf } from '../../proof/keys.ts'
import { openCheckpoint } from '../../proof/log.ts'
import { pinRoot } from '../../trust.ts'
import { said, segment } from '../../verbs/kit.ts'
import { pageOf } from './page.ts'
import type { Day } from './plan.ts'
import { standingLines } from './show.ts'
import {
  type Report,
  readCheckpoint,
  readStanding,
  reportSchema,
  type Standing,
  summaryOf,
} from './stand.ts'
import { read, spread } from './work.ts'

/** Alone: as it stands now, closed or not. */
export async function reportDay(cli: Cli, day: Day): Promise<Answer> {
  const start = cli.host.now()
  const standing = await readStanding(cli, day)
  const path = await writeReport(cli, day, standing)
  const isClosed = standing.blocks.length === 0
  const head = `${mark(isClosed)} ${day.name} is ${isClosed ? 'closed' : `not closed: ${standing.blocks.length} reasons`}`
  const lines = [head, ...standingLines(standing, (cli.host.now() - start) / 1000)]
  const result = { day: day.name, ...summaryOf(standing), report: path }
  return said(result, [[...lines, `  Report written   ${path}`], `verify ${path}`, isClosed])
}

/** Answers the path of the file, relative to where the person is. A report before is written over. */
export async function writeReport(cli: Cli, day: Day, standing: Standing): Promise<string> {
  const { rootFingerprint } = await pinRoot(cli.server)
  const trusted = [{ fingerprint: rootFingerprint, because: 'the server we speak to' }]
  const { apps, systems, bornOutside, blocks } = summaryOf(standing)
  const certified = await spread(apps, async app => {
    const certificate = app.how === 'verified-gone' ? await readCertificate(cli, app.app) : null
    if (certificate !== null) requireProven(certificate, trusted, cli.host.now())
    return { ...app, certificate }
  })
  const { name, opens, closes, ends } = day
  const made: Report = {
    schema: reportSchema,
    day: { name, opens, closes, ends },
    writtenAt: new Date(cli.host.now()).toISOString(),
    closed: blocks.length === 0,
    openedAt: standing.openedAt,
    apps: certified,
    systems,
    bornOutside,
    blocks,
    checkpoint: await readCheckpoint(cli),
    keys: await read<KeyTableView>(cli, '/v1/keys'),
  }
  const folder = `${name}.report`
  const path = join(folder, 'report.json')
  const at = (each: string) => resolve(cli.host.cwd, folder, each)
  mkdirSync(at('.'), { recursive: true })
  for (const { app, certificate } of certified)
    if (certificate !== null) writeFileSync(at(`${app}.end.json`), certificate)
  writeFileSync(at('summary.html'), pageOf(made))
  writeFileSync(resolve(cli.host.cwd, path), `${JSON.stringify(made, null, 2)}\n`)
  return path
}

async function readCertificate(cli: Cli, app: string): Promise<string> {
  return writeCertificateFile(
    await read<CertificateFile>(cli, `/v1/apps/${segment(app)}/certificate`),
  )
}

function requireProven(text: string, trusted: TrustedRoot[], now: number): void {
  const verdict = verifyCertificate(text, trusted, now)
  if (verdict.proven) return
  const next = 'Trust nothing of this server, and tell whoever runs it.'
  throw failed(`A certificate of this server is not proven: ${verdict.says}.`, next)
}

/** Offline. Each certificate is proven, and says what the report says of its app; the log's head is signed. */
export function verifyReport(text: string, trusted: TrustedRoot[], now: number): Answer {
  const made = JSON.parse(text) as Report
  const faults: string[] = []
  for (const { app, how, green, of, certificate } of made.apps) {
    if (certificate === null) {
      if (how === 'verified-gone') faults.push(`${app}: it is called gone, without a certificate`)
      continue
    }
    const verdict = verifyCertificate(certificate, trusted, now)
    if (!verdict.proven) faults.push(`${app}: ${verdict.fields.join(' or ')}: ${verdict.says}`)
    else {
      const { app: its, state, items } = verdict.certificate
      const isSame = its.slug === app && state === how && items.length === of && green === of
      if (!isSame) faults.push(`${app}: its certificate says something else`)
    }
  }
  const size = sizeOf(made, trusted, faults)
  const open = made.apps.filter(({ how }) => how === 'not-yet').length
  if (made.closed && (open > 0 || made.bornOutside.some(({ isSettled }) => !isSettled)))
    faults.push('it is called closed, and something in it is open')
  const proven = made.apps.filter(({ certificate }) => certificate !== null).length
  const isGood = faults.length === 0 && made.closed
  const lines = [
    `  ${made.day.name}, written ${made.writtenAt}           checked offline, server not asked`,
    `  ${mark(faults.length === 0)} ${proven} of ${made.apps.length} apps have a certificate, each proven`,
    `  ${mark(size !== null)} log checkpoint   ${size ?? 'none'} entries, signed`,
    `  ${made.closed ? glyph.ok : glyph.wait} ${made.closed ? 'closed' : `not closed: ${made.blocks.length} reasons`}`,
    `  ${glyph.off} not signed       what was born outside (${made.bornOutside.length}) is the server's word`,
    ...faults.map(fault => `  ${glyph.bad} ${fault}`),
  ]
  const result = {
    day: made.day.name,
    proven: faults.length === 0,
    closed: made.closed,
    apps: proven,
    faults,
  }
  return said(result, [lines, `log`, isGood])
}

function sizeOf({ checkpoint, keys }: Report, trusted: TrustedRoot[], faults: string[]) {
  try {
    const isTrusted = (print: string) => trusted.some(({ fingerprint }) => fingerprint === print)
    const table = openKeyTable(keys, isTrusted)
    return openCheckpoint(checkpoint, signersOf(table, 'ledger')).size
  } catch (error) {
    faults.push(`checkpoint: ${error instanceof Error ? error.message : 'it can not be read'}`)
    return null
  }
}
