/**
 * Names at targets are deterministic, so that recovery needs no answer and a restore finds what it
 * does not know: prefix, installation, slug for people, and the random part of the id.
 */
import type { AppId, LeaseId } from '../base/ids.ts'
import { product } from '../base/product.ts'

/** `lh_<installation 6>_<slug ≤ 16>_<lease's 26>`: at most 56 bytes of [a-z0-9_]. */
export function principalName(installationId: string, slug: string, leaseId: LeaseId): string {
  const shown = slug.replaceAll('-', '_').slice(0, 16).replace(/_+$/, '')
  return `${prefixOf(installationId)}${shown}_${leaseId.slice(3)}`
}

/** The role that inherits what an app's leases made. */
export function ownerName(installationId: string, appId: AppId): string {
  return `${product.targetPrefix}o_${installationId.slice(3, 9)}_${appId.slice(3)}`
}

export function prefixOf(installationId: string): string {
  return `${product.targetPrefix}_${installationId.slice(3, 9)}_`
}
