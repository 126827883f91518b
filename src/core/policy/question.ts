/** The words of a question: who, what, about which thing, on how current facts. */
import type { AnyId, DecisionId, IdentityId, PersonId, SystemId, TaskId } from '../base/ids.ts'
import type { JsonObject } from '../base/json.ts'
import type { ActionName } from '../base/permit.ts'
import { words } from '../base/words.ts'

export type Actor =
  | { readonly kind: 'person'; readonly id: PersonId }
  | { readonly kind: 'identity'; readonly id: IdentityId; readonly taskId?: TaskId | undefined }
  | { readonly kind: 'system'; readonly id: SystemId }

const things = words(
  'App Bundle Finding Grant Hold Identity Installation Key Lease Manifest Offboarding Person',
  'Request Resource Target Task Thing Token TrustRule',
)
export type AboutType = Uncapitalize<(typeof things)[number]>

/** What a question may be about, and the schema's word for it. */
export const thingTypes = Object.fromEntries(
  things.map(word => [word.charAt(0).toLowerCase() + word.slice(1), word]),
) as Readonly<Record<AboutType, (typeof things)[number]>>

export interface Question<A extends ActionName> {
  readonly actor: Actor
  readonly action: A
  /** Through a gateway: in the target's words. Kept with the decision, read by no rule. */
  readonly asked?: string | undefined
  readonly about: {
    readonly type: AboutType
    readonly id: AnyId
    /**
     * Facts of a thing that is not in memory: one that is to be made, one that is over, or of the
     * change itself. Known members are in `facts.ts`; others are passed over.
     *
     * ATTACKER: `appId`, `resourceId`, `actions` and the like come from rows and parsed bodies, never
     * from a caller unread. A row in memory is believed before a draft.
     */
    readonly draft?: JsonObject | undefined
  }
}

/** A no, in plain words. `command` is what to type after the program's name. */
export interface Denial {
  readonly decisionId: DecisionId
  /** What was asked, in one line: `deal-desk write crm.contacts`. */
  readonly what: string
  readonly rule: string
  readonly says: string
  /** Where the rule stands; missing for what is no rule of a file. */
  readonly where?: { readonly file: string; readonly line: number; readonly owner: string }
  readonly because: readonly {
    readonly fact: string
    readonly is: string
    readonly needs: string
    readonly from?: string
  }[]
  readonly wouldPassIf: string
  readonly instead: readonly { readonly says: string; readonly command?: string }[]
}
