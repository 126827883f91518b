/**
 * The plan of an end: every thing an app ever had, and the order it is taken down in. A dry run shows
 * it; what a person agreed to is its hash. Pure.
 */

import type { AppRow } from '../../core/app/rows.ts'
import { sha256Hex } from '../../core/base/hash.ts'
import type { TargetId } from '../../core/base/ids.ts'
import { canonicalJson } from '../../core/base/json.ts'
import { product } from '../../core/base/product.ts'
import type { ItemKind, PlanItem } from './item.ts'
import type { AppThings } from './rows.ts'

export type Plan = ReturnType<typeof planOf>

/**
 * Credentials first, then the rights they hung on, then what could ask for new ones. `text` is the
 * canonical text of what will be taken down, `hash` its SHA-256 in hex; `things` is what it was made of.
 */
export function planOf(
  app: Pick<AppRow, 'id' | 'slug' | 'origin'>,
  things: AppThings,
  ownerName: string,
) {
  const { leases, found, holders, rules, identities } = things
  const accounts = app.origin === 'adopted' ? things.unshown : []
  const ours = { target: product.name, targetId: null }
  const owners = new Map(leases.map(lease => [lease.target, { ...lease, id: app.id }]))
  const items = [
    ...leases.map(lease => toDo('lease', lease, lease.principal)),
    ...found.map(thing => toDo('thing', thing, thing.name)),
    ...holders.map(grant => toDo('grant', grant, grant.holder)),
    ...[...owners.values()].map(at => toDo('owner-role', at, ownerName)),
    ...rules.map(rule => toDo('trust-rule', { ...ours, id: rule.id }, rule.issuer)),
    ...identities.map(({ id, spiffeId }) => toDo('identity', { ...ours, id }, spiffeId)),
    ...accounts.map(id => toDo('account', { id, target: id, targetId: null }, id)),
  ]
  const ordered: readonly PlanItem[] = items.map((item, i) => ({ order: i + 1, ...item }))
  const text = canonicalJson({
    v: 1,
    app: { id: app.id, slug: app.slug },
    items: ordered.map(({ order, kind, id, name, system }) => ({ order, kind, id, name, system })),
  })
  return { appId: app.id, things, items: ordered, text, hash: sha256Hex(text) }
}

function toDo(
  kind: ItemKind,
  { id, target, targetId }: { id: string; target: string; targetId: TargetId | null },
  name: string,
): Omit<PlanItem, 'order'> {
  const unseen = { state: 'to-do', paths: [], because: null, at: null } as const
  return { kind, id, name, system: target, targetId, ...unseen }
}

export interface SystemLook {
  readonly name: string
  readonly looked: boolean
  readonly paths: readonly string[]
  readonly because: string | null
}

/** Which systems were looked at, by which paths, and which the app names that were not. */
export function systemsOf(items: readonly PlanItem[], things: AppThings): SystemLook[] {
  const systems = new Map<string, SystemLook>()
  for (const item of items) {
    const known = systems.get(item.system)
    const looked = item.state !== 'to-do' && item.state !== 'unreachable'
    systems.set(item.system, {
      name: item.system,
      looked: (known?.looked ?? true) && looked,
      paths: [...new Set([...(known?.paths ?? []), ...item.paths])],
      because: known?.because ?? (looked ? null : (item.because ?? 'not looked at yet')),
    })
  }
  const granted = new Set(things.holders.map(holder => holder.resource))
  const never = (name: string, because: string) =>
    systems.set(name, { name, looked: false, paths: [], because })
  for (const need of things.needs)
    if (!granted.has(need) && !systems.has(need))
      never(need, 'named in the manifest, never granted')
  for (const host of things.egress) never(host, 'no connector: reached over the network only')
  return [...systems.values()]
}
