/**
 * Makes and replaces the keys of our issuer for outside systems. A key is published before it signs and
 * after it signed, longer than those systems keep what they have read.
 */
import { generateKeyPair } from 'node:crypto'
import { promisify } from 'node:util'
import { newId, systemId } from '../../core/base/ids.ts'
import type { JsonObject } from '../../core/base/json.ts'
import { addSeconds, type Instant } from '../../core/base/time.ts'
import type { NewRow } from '../../core/ledger/fact-table.ts'
import { entryKind } from '../../core/ledger/kind.ts'
import { recorded, type Scope, type SweepWorld } from '../../core/ledger/record.ts'
import * as rows from './rows.ts'

export interface FederationWorld extends SweepWorld {
  readonly issuer: string
  readonly seal: (plaintext: Uint8Array, place: string) => string
  readonly unseal: (sealed: string, place: string) => Uint8Array
}

const bounds = {
  /** How long a key signs. */
  signsSeconds: 30 * 86_400,
  /** Published before and after: AWS and others read the keys once a day at the latest. */
  publishedSeconds: 2 * 86_400,
}

const keysTurned = entryKind('federation.turn', 'replaced the keys other systems know us by')

export const placeOf = (id: string) => `federation_key/${id}`

/** Makes the first, replaces what has signed for long, and forgets what has retired; or nothing. */
export async function turnKeys(world: FederationWorld): Promise<void> {
  if (!isDue(world.replica.all(rows.federationKeyTable), world.clock.now())) return
  // RSA is what all of them take; made before any lock waits for it.
  const [toSign, toFollow] = [await makeKey(), await makeKey()]
  const about = { type: 'key', id: newId('key') }
  const permit = world.permitFor(systemId('schedule'), 'key.rotate', about)
  await recorded(world, async scope => {
    const keys = await rows.lockFederationKeys(scope.tx)
    if (!isDue(keys, scope.at)) return
    const active = keys.find(({ state }) => state === 'active')
    const next = keys.find(({ state }) => state === 'next')
    for (const key of keys) {
      if (!isForgotten(key, scope.at)) continue
      await rows.shredSecret(scope.tx, key.id)
      await scope.save(rows.federationKeyTable, key, { ...key, state: 'gone' })
    }
    const from = { startedAt: scope.at }
    if (active === undefined) await add(world, scope, { ...toSign, state: 'active', ...from })
    if (active && next && isTired(active, scope.at)) {
      const retired = { state: 'retired', retiredAt: scope.at } as const
      await scope.save(rows.federationKeyTable, active, { ...active, ...retired })
      await scope.save(rows.federationKeyTable, next, { ...next, state: 'active', ...from })
    }
    if (next === undefined || isTired(active, scope.at))
      await add(world, scope, { ...toFollow, state: 'next' })
    scope.entry({ kind: keysTurned, by: permit })
  })
}

type Key = rows.FederationKeyRow

function isDue(keys: readonly Key[], now: Instant): boolean {
  const active = keys.find(({ state }) => state === 'active')
  return active === undefined || isTired(active, now) || keys.some(key => isForgotten(key, now))
}

function isTired(active: Key | undefined, now: Instant): boolean {
  const from = active?.startedAt ?? null
  return from !== null && addSeconds(from, bounds.signsSeconds) <= now
}

function isForgotten({ retiredAt }: Key, now: Instant): boolean {
  return retiredAt !== null && addSeconds(retiredAt, bounds.publishedSeconds) <= now
}

async function makeKey() {
  const { publicKey, privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 })
  const { kty, n, e } = publicKey.export({ format: 'jwk' })
  return {
    jwk: { kty, n, e } as JsonObject,
    der: privateKey.export({ format: 'der', type: 'pkcs8' }),
  }
}

async function add(
  world: FederationWorld,
  scope: Scope,
  {
    jwk,
    der,
    ...given
  }: Awaited<ReturnType<typeof makeKey>> & Pick<NewRow<Key>, 'state' | 'startedAt'>,
): Promise<void> {
  const id = newId('key')
  const published = { ...jwk, kid: id, alg: 'RS256', use: 'sig' }
  await scope.insert(rows.federationKeyTable, { id, jwk: published, ...given })
  await rows.putSecret(scope.tx, id, world.seal(der, placeOf(id)))
}
