/**
 * What can be asked for. A target is connected: its resources can be asked for once its canary has
 * passed. A thing at it is named: its class, its owner, what of it is offered.
 */
import { requireLiving } from '../app/events.ts'
import { type DataClass, dataClasses } from '../app/rows.ts'
import { canonicalJson, type Json } from '../base/json.ts'
import { limits } from '../base/limits.ts'
import { checkPermit, type Permit } from '../base/permit.ts'
import { Problem, problemOf } from '../base/problem.ts'
import { parseSlug, safeText } from '../base/text.ts'
import { addSeconds, type Instant } from '../base/time.ts'
import { findRow, lockRow } from '../ledger/fact-table.ts'
import { entryKind } from '../ledger/kind.ts'
import { type LedgerWorld, recorded, type Scope } from '../ledger/record.ts'
import { onTaken } from '../store/fault.ts'
import type { ResourceRow, TargetRow } from './rows.ts'
import { putSealedConfig, resourceTable, targetConfigAad, targetTable } from './rows.ts'

const targetConnected = entryKind('target.connect', 'connected a target')
const resourceDefined = entryKind('resource.define', 'said what can be asked for')

type Said = 'id' | 'slug' | 'connector' | 'address' | 'production' | 'ownerId' | 'adminEndsAt'
export type NewTarget = Pick<TargetRow, Said> & {
  /** As the connector parsed it. Holds the credential we use there; is sealed before it is stored. */
  config: Json
  /** Others sign in with that credential as well. */
  shared?: boolean
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
  const { slug } = input
  const sealed = world.seal(Buffer.from(canonicalJson(input.config)), targetConfigAad(input.id))
  return recorded(world, async scope => {
    await requireLiving(scope, input.ownerId, 'ownerId')
    const before = await lockRow(scope.tx, targetTable, input.id)
    const target = draftTarget(input, before, scope.at)
    const facts = { again: before !== undefined, shared: input.shared === true }
    scope.entry({ kind: targetConnected, by: permit, facts })
    const after = await (before === undefined
      ? scope.insert(targetTable, target)
      : scope.save(targetTable, before, target))
    await putSealedConfig(scope.tx, target.id, sealed, input.shared)
    return after
  }).catch(onTaken('target_slug_key', problemOf('target-connected', { slug, field: 'slug' })))
}

function draftTarget(input: NewTarget, before: TargetRow | undefined, now: Instant): TargetRow {
  const { slug, connector, state } = before ?? { ...input, state: 'active' }
  if (slug !== input.slug || connector !== input.connector || state === 'retired')
    throw problemOf('target-slug-taken', { slug, connector, state })
  const latest = addSeconds(now, limits.managedMaxDays * 86_400)
  if (input.adminEndsAt <= now || input.adminEndsAt > latest)
    throw problemOf('admin-end-out-of-range', { field: 'adminEndsAt' })
  const { config: _, shared: __, ...given } = input
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

/** `object` as the connector parsed it. */
export type NewResource = Omit<ResourceRow, 'version' | 'state' | 'madeAt'>

/**
 * Under a known id it is defined anew; place and name stay. Grants that are then wider than what is
 * offered are narrowed by the sweep.
 */
export async function defineResource(
  world: LedgerWorld,
  permit: Permit<'resource.define'>,
  input: NewResource,
): Promise<ResourceRow> {
  checkPermit(permit, 'resource.define', input.id)
  const { slug } = input
  checkColumns(input)
  return recorded(world, async scope => {
    await requireLiving(scope, input.dataOwnerId, 'dataOwnerId')
    await checkPlace(scope, input)
    const before = await lockRow(scope.tx, resourceTable, input.id)
    const resource = draftResource(input, before, scope.at)
    scope.entry({ kind: resourceDefined, by: permit })
    if (before !== undefined) return scope.save(resourceTable, before, resource)
    return scope.insert(resourceTable, resource)
  }).catch(onTaken('resource_slug_key', problemOf('resource-known', { slug, field: 'slug' })))
}

function draftResource(
  input: NewResource,
  before: ResourceRow | undefined,
  now: Instant,
): Omit<ResourceRow, 'version'> {
  if (!/^[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*)*$/.test(input.slug) || input.slug.length > 100)
    throw invalid('slug', '`slug` must be lower-case names with dots between them.', 'crm.deals')
  if (before !== undefined && (before.slug !== input.slug || before.targetId !== input.targetId))
    throw problemOf('id-of-another-place', { slug: before.slug })
  return { ...input, state: 'active', madeAt: before?.madeAt ?? now }
}

/** ATTACKER: strong data offered under the weak class of its table. */
function checkColumns({ columns, dataClass }: NewResource): void {
  const names = new Set(columns.map(column => column.name))
  if (names.size !== columns.length || columns.length > limits.resourceColumns)
    throw invalid('columns', `\`columns\` must name at most ${limits.resourceColumns}, each once.`)
  for (const { name, class: own, hidden } of columns)
    if (!hidden && weight(own) > weight(dataClass))
      throw invalid(
        'columns',
        `\`${safeText(name, 63)}\` is ${own} data in a resource of ${dataClass} data.`,
        'hide the column, or raise the class of the resource',
      )
  if (columns.length > 0 && columns.every(column => column.hidden))
    throw invalid('columns', 'Every column is hidden, so nothing is offered.', 'offer one of them')
}

function weight(dataClass: DataClass): number {
  return dataClass === 'hr' ? dataClasses.indexOf('customer') : dataClasses.indexOf(dataClass)
}

async function checkPlace(scope: Scope, input: NewResource): Promise<void> {
  if ((await findRow(scope.tx, targetTable, input.targetId))?.state !== 'active')
    throw invalid('targetId', 'There is no such target.', 'connect it first')
  if (input.sandboxTwinId === null) return
  const twin = await findRow(scope.tx, resourceTable, input.sandboxTwinId)
  if (twin?.isSandbox !== true || twin.id === input.id)
    throw invalid('sandboxTwinId', 'The sandbox twin must be a sandbox.', 'define it first')
}

function invalid(field: string, detail: string, example?: string): Problem {
  const next = example === undefined ? 'Correct the columns.' : `For example: ${example}`
  return new Problem('invalid-field', { field, detail, next })
}
