/**
 * The plan of an end: every thing an app ever had, and the order it is taken down in. A dry run shows
 * it; what a person agreed to is its hash. Pure.
 */
import { sha256Hex } from '../../core/base/hash.ts'
import type { AppId, TargetId } from '../../core/base/ids.ts'
import { canonicalJson } from '../../core/base/json.ts'
import { product } from '../../core/base/product.ts'
import type { Instant } from '../../core/base/time.ts'
import type { AppThings } from './rows.ts'

export type ItemKind = 'lease' | 'grant' | 'owner-role' | 'identity' | 'trust-rule'

/** The words of design §2 for ended things; `to-do` until it was looked at. */
export type ItemState =
  | 'to-do'
  | 'verified-gone'
  | 'revoked-unverified'
  | 'unreachable'
  | 'still-there'

export interface PlanItem {
  readonly order: number
  readonly kind: ItemKind
  readonly id: string
  /** What a person would look for: the name at the target, the SPIFFE id, the issuer. */
  readonly name: string
  /** Slug of the target, or our own name. */
  readonly system: string
  readonly targetId: TargetId | null
  readonly state: ItemState
  readonly paths: readonly string[]
  readonly because: string | null
  readonly at: Instant | null
}

export interface Plan {
  readonly appId: AppId
  readonly items: readonly PlanItem[]
  /** Canonical text of what will be taken down, and its SHA-256 in hex. */
  readonly text: string
  readonly hash: string
}

/** Credentials first, then the rights they hung on, then what could ask for new ones. */
export function planOf(
  app: { id: AppId; slug: string },
  things: AppThings,
  ownerName: string,
): Plan {
  const items: Omit<PlanItem, 'order'>[] = []
  for (const lease of things.leases)
    items.push(toDo('lease', lease.id, lease.principal, lease.target, lease.targetId))
  for (const grant of things.holders)
    items.push(toDo('grant', grant.id, grant.holder, grant.target, grant.targetId))
  for (const [target, { targetId }] of new Map(things.leases.map(lease => [lease.target, lease])))
    items.push(toDo('owner-role', app.id, ownerName, target, targetId))
  for (const rule of things.rules)
    items.push(toDo('trust-rule', rule.id, rule.issuer, product.name, null))
  for (const identity of things.identities)
    items.push(toDo('identity', identity.id, identity.spiffeId, product.name, null))
  const ordered = items.map((item, i) => ({ order: i + 1, ...item }))
  const text = canonicalJson({
    v: 1,
    app: { id: app.id, slug: app.slug },
    items: ordered.map(({ order, kind, id, name, system }) => ({ order, kind, id, name, system })),
  })
  return { appId: app.id, items: ordered, text, hash: sha256Hex(text) }
}

function toDo(
  kind: ItemKind,
  id: string,
  name: string,
  system: string,
  targetId: TargetId | null,
): Omit<PlanItem, 'order'> {
  return { kind, id, name, system, targetId, state: 'to-do', paths: [], because: null, at: null }
}

export function isGreen(item: Pick<PlanItem, 'state'>): boolean {
  return item.state === 'verified-gone'
}

/** `2 PostgreSQL users, 1 grant, 5 identities`: for people, by kind, counts that are true. */
export function countItems(items: readonly PlanItem[]): Record<ItemKind, number> {
  const counts = { lease: 0, grant: 0, 'owner-role': 0, identity: 0, 'trust-rule': 0 }
  for (const item of items) counts[item.kind]++
  return counts
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
  for (const need of things.needs)
    if (!granted.has(need))
      systems.set(need, {
        name: need,
        looked: false,
        paths: [],
        because: 'named in the manifest, never granted',
      })
  for (const host of things.egress)
    systems.set(host, {
      name: host,
      looked: false,
      paths: [],
      because: 'no connector: reached over the network only',
    })
  return [...systems.values()]
}
