/** The key table in force: signed from rows, and read back only when it still says what they say. */
import { canonicalJson } from '../base/json.ts'
import { Problem } from '../base/problem.ts'
import type { Instant } from '../base/time.ts'
import type { Sql, Tx } from '../store/store.ts'
import { type Pair, thumbprint } from './pair.ts'
import { insertKeyTable, type KeyRow, readKeyTable } from './rows.ts'
import {
  fingerprint,
  type KeyTable,
  type PublicUse,
  type SignedKeyTable,
  signKeyTable,
  type TableKey,
  verifyKeyTable,
} from './table.ts'

export interface InForce {
  readonly table: KeyTable
  readonly signed: SignedKeyTable
}

/** Signs the table of these rows and puts it in force. */
export async function publish(
  tx: Tx,
  root: Pair,
  table: { serial: number; installation: string; rows: readonly KeyRow[]; at: Instant },
): Promise<void> {
  const { serial, installation } = table
  const signed = signKeyTable(root, { serial, installation, keys: tableKeys(table.rows) })
  await insertKeyTable(tx, { serial, ...signed }, table.at)
}

/**
 * ATTACKER: who can write to the database can add a key of their own or bring one back. `Problem`
 * `bad-configuration` unless the root signed exactly these rows.
 */
export async function readInForce(sql: Sql, rows: readonly KeyRow[]): Promise<InForce> {
  const root = rows.find(row => row.use === 'root' && row.state === 'active')?.publicJwk
  const row = await readKeyTable(sql)
  if (root === undefined || root === null || row === undefined)
    throw changed('there is none, or no root key')
  const rootFingerprint = fingerprint(root)
  const table = readSigned(row, rootFingerprint)
  if (canonicalJson(table.keys) !== canonicalJson(tableKeys(rows)))
    throw changed('the keys are others than those it names')
  return { table, signed: { body: row.body, signature: row.signature, rootFingerprint } }
}

function readSigned(row: { body: string; signature: string }, rootFingerprint: string): KeyTable {
  try {
    return verifyKeyTable(row.body, row.signature, rootFingerprint)
  } catch (thrown) {
    throw changed(thrown instanceof Error ? thrown.message : '')
  }
}

function tableKeys(rows: readonly KeyRow[]): TableKey[] {
  const keys = rows.flatMap(({ publicJwk: jwk, use, alg, state, startsAt }) =>
    jwk === null
      ? []
      : [{ kid: thumbprint(jwk), use: use as PublicUse, alg, jwk, state, notBefore: startsAt }],
  )
  return keys.sort((a, b) => (a.kid < b.kid ? -1 : 1))
}

function changed(log: string): Problem {
  return new Problem('bad-configuration', {
    detail: 'The keys in the database are not those the root key signed.',
    next: 'Restore the database from a backup, and find out who changed it.',
    log,
  })
}
