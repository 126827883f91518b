/** Connects a target: from then on it can be asked for, once its canary has passed. */

import { requireLiving } from '../app/events.ts'
import { canonicalJson, type Json } from '../base/json.ts'
import { limits } from '../base/limits.ts'
import { checkPermit, type Permit } from '../base/permit.ts'
import { Problem } from '../base/problem.ts'
import { product } from '../base/product.ts'
import { parseSlug } from '../base/text.ts'
import { addSeconds, type Instant } from '../base/time.ts'
import { lockRow } from '../ledger/find-row.ts'
import { entryKind } from '../ledger/kind.ts'
import { type LedgerWorld, recorded } from '../ledger/record.ts'
import { onViolated } from '../store/fault.ts'
import { putSealedConfig, type TargetRow, targetConfigAad, targetTable } from './rows.ts'

const targetConnected = entryKind('target.connect', 'connected a target')

type Said = 'id' | 'slug' | 'connector' | 'address' | 'production' | 'ownerId' | 'adminEndsAt'
export type NewTarget = Pick<TargetRow, Said> & {
  /** As the connector parsed it. Holds the credential we use there; is sealed before it is stored. */
  config: Json
}

export interface ConnectWorld extends LedgerWorld {
  readonly seal: (plaintext: Uint8Array, aad: string) => string
}

/**
 * Under a known id it is connected again: another credential or address, the same connector and name;
 * its canary must pass anew. Problem `already-exists` when the name is taken.
 */
export async function connectTarget(
  world: ConnectWorld,
  permit: Permit<'target.connect'>,
  input: NewTarget,
): Promise<TargetRow> {
  checkPermit(permit, 'target.connect', input.id)
  const sealed = world.seal(Buffer.from(canonicalJson(input.config)), targetConfigAad(input.id))
  return recorded(world, async scope => {
    await requireLiving(scope, input.ownerId, 'ownerId')
    const before = await lockRow(scope.tx, targetTable, input.id)
    const target = draftTarget(input, before, scope.at)
    scope.entry({ kind: targetConnected, by: permit, facts: { again: before !== undefined } })
    if (before === undefined) await scope.insert(targetTable, target)
    const after = before === undefined ? target : await scope.save(targetTable, before, target)
    await putSealedConfig(scope.tx, target.id, sealed)
    return after
  }).catch(onViolated('target_slug_key', () => slugTaken(input.slug)))
}

function draftTarget(input: NewTarget, before: TargetRow | undefined, now: Instant): TargetRow {
  const isOther =
    before !== undefined && (before.slug !== input.slug || before.connector !== input.connector)
  if (isOther || before?.state === 'retired')
    throw new Problem('already-exists', {
      detail: `This is \`${before?.slug}\`, a ${before?.state} ${before?.connector} target.`,
      next: 'Connect another system under a new name.',
    })
  const latest = addSeconds(now, limits.managedMaxDays * 86_400)
  if (input.adminEndsAt <= now || input.adminEndsAt > latest)
    throw new Problem('invalid-field', {
      field: 'adminEndsAt',
      detail: `\`adminEndsAt\` must be later than now and within ${limits.managedMaxDays} days: our own credential there ends too.`,
      next: 'For example 90 days from now.',
    })
  const { config: _, ...given } = input
  return {
    ...given,
    version: 1,
    slug: parseSlug(input.slug, 'slug'),
    adminRotatedAt: now,
    preflightState: 'never',
    preflightAt: null,
    state: 'active',
    madeAt: before?.madeAt ?? now,
  }
}

function slugTaken(slug: string): Problem {
  return new Problem('already-exists', {
    field: 'slug',
    detail: `A target named \`${slug}\` is connected already.`,
    next: `To change its credential, connect it again under its id: ${product.command} ls targets`,
  })
}
