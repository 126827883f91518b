/**
 * The three files of a report, written thing by thing: JSON for programs, SARIF 2.1.0 for tools that
 * collect results, and the numbers for the page. Each is there whole or not at all.
 */
import { closeSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { sha256Hex } from '../../../src/core/base/hash.ts'
import { product } from '../../../src/core/base/product.ts'
import { isOldKey, isWideOpen, type Judged, ownerText } from '../judge.ts'
import { recipes } from '../recipes.ts'
import type { Scanned } from '../scan.ts'
import { fold, isUnused, newTotals, type Totals } from './totals.ts'

const chunkChars = 64 * 1024

/** What it names is for few: only who runs the scan may read it. */
export function openFile(path: string) {
  const part = `${path}.part`
  rmSync(part, { force: true })
  const file = openSync(part, 'wx', 0o600)
  let waiting = ''
  return {
    write(text: string) {
      waiting += text
      if (waiting.length < chunkChars) return
      writeSync(file, waiting)
      waiting = ''
    },
    close() {
      writeSync(file, waiting)
      closeSync(file)
      renameSync(part, path)
    },
  }
}

/** Both files, and what the page needs of the things in them. */
export async function writeThings(
  scanned: Scanned,
  things: AsyncIterable<Judged>,
  paths: { readonly json: string; readonly sarif: string },
): Promise<Totals> {
  const [json, sarif] = [openFile(paths.json), openFile(paths.sarif)]
  const totals = newTotals()
  const { startedAt, endedAt, isWhole } = scanned
  const head = {
    schema: 'leasehold/scan/v1',
    version: product.version,
    startedAt,
    endedAt,
    isWhole,
  }
  json.write(`${JSON.stringify(head).slice(0, -1)},"things":[`)
  sarif.write(sarifHead(isWhole))
  let [count, results] = [0, 0]
  for await (const one of things) {
    fold(totals, one)
    json.write(`${count === 0 ? '' : ','}\n${JSON.stringify(plain(one))}`)
    count += 1
    for (const result of resultsOf(one)) {
      sarif.write(`${results === 0 ? '' : ','}\n${JSON.stringify(result)}`)
      results += 1
    }
  }
  const { sources, unseen, calls, keptBack } = scanned
  const bySystem = Object.fromEntries(totals.bySystem)
  const rest = { totals: totals.all, bySystem, sources, unseen, calls, keptBack }
  json.write(`\n],${JSON.stringify(rest).slice(1)}\n`)
  sarif.write('\n]}]}\n')
  json.close()
  sarif.close()
  return totals
}

function plain(one: Judged): object {
  const { creatorDid: _did, creatorWeight: _weight, isKnown, ours, rank: _rank, ...rest } = one
  return { ...rest, state: isKnown ? 'known' : 'unknown', ofLeasehold: ours }
}

const rules = {
  'LH-SCAN-CI-KEY': 'A CI job keeps a stored key',
  'LH-SCAN-OWNERLESS': 'Nobody who is still there answers for it',
  'LH-SCAN-UNUSED': 'It never ends, and nothing uses it',
  'LH-SCAN-OLD-KEY': 'A key of a cloud has no end, and is older than 90 days',
  'LH-SCAN-OPEN': 'Others are let in, or a password is all that is asked for',
} as const

function sarifHead(isWhole: boolean): string {
  const driver = {
    name: `${product.name} scan`,
    version: product.version,
    informationUri: product.typeBase,
    rules: Object.entries(rules).map(([id, text]) => ({ id, shortDescription: { text } })),
  }
  const run = { tool: { driver }, invocations: [{ executionSuccessful: isWhole }] }
  const log = { $schema: 'https://json.schemastore.org/sarif-2.1.0.json', version: '2.1.0' }
  return `${JSON.stringify(log).slice(0, -1)},"runs":[${JSON.stringify(run).slice(0, -1)},"results":[`
}

function resultsOf(one: Judged): object[] {
  if (one.group !== 'access' || one.ours) return []
  const what = `${one.kind} ${one.name} (${one.where || one.system})`
  const recipe = one.recipe === undefined ? undefined : recipes[one.recipe]
  const notes = one.notes.join('; ')
  return [
    ...(recipe && recipe.lines.length > 0
      ? [resultOf(one, 'LH-SCAN-CI-KEY', `${what}: ${notes}. ${recipe.once}`, recipe.isCloud)]
      : []),
    ...(one.isOwnerless
      ? [resultOf(one, 'LH-SCAN-OWNERLESS', `${what}: first to ask is ${ownerText(one)}.`)]
      : []),
    ...(one.neverEnds === true && isUnused(one)
      ? [resultOf(one, 'LH-SCAN-UNUSED', `${what} can be ended.`)]
      : []),
    ...(isOldKey(one)
      ? [
          resultOf(
            one,
            'LH-SCAN-OLD-KEY',
            `${what}. Where CI has it: ${recipes[one.kind === 'access key' ? 'aws' : 'google']?.once}`,
          ),
        ]
      : []),
    ...(isWideOpen(one) ? [resultOf(one, 'LH-SCAN-OPEN', `${what}: ${notes}.`)] : []),
  ]
}

/** The fingerprint holds no line: a moved job stays the same result. */
function resultOf(one: Judged, ruleId: keyof typeof rules, text: string, isBad = false): object {
  const { id: fullyQualifiedName, name, url: uri, line } = one
  const at = { artifactLocation: { uri }, region: { startLine: line ?? 1 } }
  const logical = { logicalLocations: [{ fullyQualifiedName, name }] }
  return {
    ruleId,
    level: isBad ? 'error' : 'warning',
    message: { text },
    locations: [{ ...(uri !== undefined && { physicalLocation: at }), ...logical }],
    partialFingerprints: { 'leasehold/v1': sha256Hex(`${ruleId} ${one.system} ${one.id}`) },
  }
}
