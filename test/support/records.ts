/** Decision records for tests of their keeping: whole and hashed, of nothing in particular. */
import { sha256Hex } from '../../src/core/base/hash.ts'
import { newId } from '../../src/core/base/ids.ts'
import type { Instant } from '../../src/core/base/time.ts'
import type { Kept } from '../../src/life/records/line.ts'

export function recordAt(at: Instant, more: object = {}): Kept {
  const id = newId('decision')
  const body = JSON.stringify({ v: 1, id, at, ...more })
  return {
    id,
    at,
    appId: null,
    taskId: null,
    allowed: true,
    kind: 'own',
    body,
    hash: sha256Hex(body),
  }
}
