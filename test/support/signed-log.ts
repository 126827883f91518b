/** A log with keys of its own, as the server keeps one: by the server's own functions. */
import { generateKeyPairSync } from 'node:crypto'
import { sha256Hex } from '../../src/core/base/hash.ts'
import type { Instant } from '../../src/core/base/time.ts'
import { type Pair, pairOf, signWith, thumbprint } from '../../src/core/keys/pair.ts'
import { type SignedKeyTable, signKeyTable } from '../../src/core/keys/table.ts'
import { signCheckpoint } from '../../src/core/ledger/checkpoint.ts'
import { leafHash, nodeHash, rootAt } from '../../src/core/ledger/tree.ts'
import { consistencyPath } from '../../src/life/audit/paths.ts'

export interface TestKeys {
  readonly root: Pair
  readonly ledger: Pair
  readonly certificate: Pair
}

export function newKeys(): TestKeys {
  return { root: newPair(), ledger: newPair(), certificate: newPair() }
}

function newPair(): Pair {
  return pairOf('EdDSA', generateKeyPairSync('ed25519').privateKey)
}

export function rawKey(key: Pair): Buffer {
  return Buffer.from(key.publicJwk.x, 'base64url')
}

export function rootPrint(keys: TestKeys): string {
  return sha256Hex(rawKey(keys.root))
}

/** `state` is the certificate key's; `serial` grows with each table. */
export function tableOf(keys: TestKeys, state = 'active', serial = 1): SignedKeyTable {
  return signKeyTable(keys.root, {
    serial,
    installation: 'acme.example',
    keys: (['root', 'ledger', 'certificate'] as const).map(use => ({
      kid: thumbprint(keys[use].publicJwk),
      use,
      alg: 'EdDSA',
      jwk: keys[use].publicJwk,
      state: use === 'certificate' ? (state as 'active') : 'active',
      notBefore: '2026-11-01T00:00:00.000Z' as Instant,
    })),
  })
}

export interface TestLog {
  /** Signed checkpoint of the first `size` entries. */
  note(size: number): string
  readonly hashOf: (level: number, index: number) => Uint8Array
  /** As the server answers it. */
  consistency(
    from: number,
    to: number,
  ): { from: number; to: number; path: string[]; checkpoint: string }
}

export function logOf(keys: TestKeys, leaves: readonly string[]): TestLog {
  const hashOf = (level: number, index: number): Uint8Array => {
    if (level > 0) return nodeHash(hashOf(level - 1, index * 2), hashOf(level - 1, index * 2 + 1))
    return leafHash(leaves[index] ?? 'none')
  }
  const signer = {
    name: 'acme.example/log',
    publicKey: rawKey(keys.ledger),
    sign: (bytes: Uint8Array) => signWith(keys.ledger, bytes),
  }
  const note = (size: number) => signCheckpoint({ size, root: rootAt(size, hashOf) }, signer)
  return {
    note,
    hashOf,
    consistency: (from, to) => ({
      from,
      to,
      path: consistencyPath(from, to, hashOf).map(hash => Buffer.from(hash).toString('base64')),
      checkpoint: note(to),
    }),
  }
}
