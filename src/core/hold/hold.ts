/** Which orders to stop concern somebody. Pure reading of memory, for every decision. */
import type { AppId, IdentityId, PersonId } from '../base/ids.ts'
import type { Image } from '../ledger/fact-table.ts'
import type { Replica } from '../ledger/replica.ts'
import { type HoldRow, holdTable } from './rows.ts'

/** `about` of a hold on everything. */
export const everything = 'everything'

export interface Concerned {
  readonly appId: AppId | null
  /** The owner, and on whose behalf: a hold on either stops the work. */
  readonly personIds: readonly PersonId[]
  readonly identityId: IdentityId | null
}

/** Holds that are set on any of these, and on everything. */
export function heldBy(replica: Replica, concerned: Concerned): Image<HoldRow, 'reason'>[] {
  const { appId, personIds, identityId } = concerned
  const ids = new Set<string>([everything, ...personIds])
  if (appId !== null) ids.add(appId)
  if (identityId !== null) ids.add(identityId)
  return [...ids].flatMap(id => replica.by(holdTable, 'about', id))
}
