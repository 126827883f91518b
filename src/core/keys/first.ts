/** The first keys of an installation, and how any new key is made and sealed. */
import { randomBytes } from 'node:crypto'
import { newId } from '../base/ids.ts'
import { limits } from '../base/limits.ts'
import { addMs, type Instant } from '../base/time.ts'
import type { Tx } from '../store/store.ts'
import { makePair, privateBytes } from './pair.ts'
import { publish } from './publish.ts'
import { makeRoot } from './root.ts'
import { insertKey, type KeyRow, type KeyUse, placeOf } from './rows.ts'
import { type SealKey, sealKey, sealWith } from './seal.ts'

/** Makes every key there is in the transaction given, and signs the first table. */
export async function firstKeys(
  tx: Tx,
  kek: SealKey,
  source: { home: string; installation: string },
  at: Instant,
): Promise<void> {
  const root = makeRoot(source.home)
  const dataKey = randomBytes(32)
  const sealsKeys = draftKey('seal-keys', kek, at, dataKey)
  const seal = sealKey(dataKey, sealsKeys.id)
  const rows: KeyRow[] = [
    { ...rowOf('root', 'EdDSA', at), publicJwk: root.publicJwk },
    sealsKeys,
    draftKey('seal-rows', kek, at),
    draftKey('ledger', seal, at),
    draftKey('certificate', seal, at),
    draftKey('token', seal, at),
    draftNext(seal, at),
    draftKey('lease', seal, at),
  ]
  for (const row of rows) await insertKey(tx, row)
  await publish(tx, root, { serial: 1, installation: source.installation, rows, at })
}

const algOf = {
  root: 'EdDSA',
  ledger: 'EdDSA',
  certificate: 'EdDSA',
  token: 'ES256',
  lease: 'HS256',
  'seal-keys': 'A256GCM',
  'seal-rows': 'A256GCM',
} as const satisfies Record<KeyUse, KeyRow['alg']>

/** A new active key; `by` seals its private part: the key-encryption key seals data keys, they the rest. */
export function draftKey(
  use: Exclude<KeyUse, 'root'>,
  by: SealKey,
  at: Instant,
  bytes: Uint8Array = randomBytes(32),
): KeyRow {
  const alg = algOf[use]
  const row = rowOf(use, alg, at)
  if (alg === 'HS256' || alg === 'A256GCM')
    return { ...row, sealed: sealWith(by, bytes, placeOf(row.id)) }
  const pair = makePair(alg)
  return {
    ...row,
    publicJwk: pair.publicJwk,
    sealed: sealWith(by, privateBytes(pair), placeOf(row.id)),
  }
}

/** The token key after this one: verifiers learn it before anything is signed with it. */
export function draftNext(by: SealKey, at: Instant): KeyRow {
  const startsAt = addMs(at, limits.tokenKeyAheadMs)
  return { ...draftKey('token', by, at), state: 'next', startsAt }
}

function rowOf(use: KeyUse, alg: KeyRow['alg'], at: Instant): KeyRow {
  return {
    id: newId('key'),
    version: 1,
    use,
    alg,
    publicJwk: null,
    sealed: null,
    state: 'active',
    startsAt: at,
    madeAt: at,
    retiredAt: null,
  }
}
