/** Replacing a key, recorded: nobody learns of a new key by anything but the log and the key table. */
import type { Permit } from '../base/permit.ts'
import type { Keys } from '../keys/keys.ts'
import type { Rotation, RotationInput } from '../keys/rotate.ts'
import { entryKind } from './kind.ts'
import { type LedgerWorld, recorded } from './record.ts'

/** Other replicas read their keys again when they meet this entry. */
export const keyRotated = entryKind('key.rotate', 'replaced a key')

/**
 * Retires the active key that is named and puts its successor in its place. Problem `wrong-state`
 * when it is not active (any more), or its successor is not yet known everywhere;
 * `bad-configuration` when the root key has to sign and is not here.
 */
export async function rotateKey(
  world: LedgerWorld & { readonly keys: Keys },
  permit: Permit<'key.rotate'>,
  input: RotationInput,
): Promise<Rotation> {
  const rotation = await recorded(world, async scope => {
    const done = await world.keys.rotateIn(scope.tx, permit, input, scope.at)
    const { retired, active, ...facts } = done
    scope.entry({
      kind: keyRotated,
      by: permit,
      subjects: [retired, active].map(key => ({ type: 'key', ...key })),
      facts: { ...facts, retired: retired.id, active: active.id },
    })
    return done
  })
  await world.keys.reload()
  return rotation
}
