/**
 * The policies that can say anything about a question, found without looking at the others: by action
 * and by the types of principal and resource, then by who and what they name, also as something above.
 *
 * INVARIANT: the index only leaves out policies whose scope does not hold; of what lies under a name the
 * whole scope is looked at again.
 */
import { coversAction } from './cedar.ts'
import { aboveOf, type Frame } from './frame.ts'
import { isInScope, type Rule, type Scope } from './rule.ts'
import type { ActionType, Types } from './types.ts'
import { entityKey } from './value.ts'

/** Policies for one action and two types. Each that names somebody lies under one name alone. */
interface Shelf {
  readonly open: Rule[]
  readonly principal: Named
  readonly resource: Named
}

interface Named {
  /** By the id of the principal or resource itself. */
  readonly same: Map<string, Rule[]>
  /** By the key of something it is in. */
  readonly above: Map<string, Rule[]>
}

export class Rules {
  readonly types: Types
  readonly #rules: readonly Rule[]
  readonly #shelves = new Map<ActionType, Map<string, Map<string, Shelf>>>()

  constructor(types: Types, rules: readonly Rule[]) {
    this.types = types
    this.#rules = rules
  }

  /** Calls for each policy whose scope holds, once. */
  each(frame: Frame, call: (rule: Rule) => void): void {
    const visit = (rules: readonly Rule[] | undefined) => {
      for (const rule of rules ?? [])
        if (isInScope(rule.principal, frame.principal, frame))
          if (isInScope(rule.resource, frame.resource, frame)) call(rule)
    }
    const shelf = this.#shelfOf(frame)
    // Nothing is left to look at: types were looked at when the shelf was filled.
    for (const rule of shelf.open) call(rule)
    for (const slot of ['principal', 'resource'] as const) {
      const { same, above } = shelf[slot]
      visit(same.get(frame[slot].id))
      if (above.size > 0) for (const key of aboveOf(frame, frame[slot])) visit(above.get(key))
    }
  }

  #shelfOf({ action, principal, resource }: Frame): Shelf {
    const ofAction = this.#shelves.getOrInsertComputed(action, () => new Map())
    const ofType = ofAction.getOrInsertComputed(principal.type, () => new Map())
    return ofType.getOrInsertComputed(resource.type, () => {
      const key = entityKey(action.ref.type, action.ref.id)
      const named = () => ({ same: new Map<string, Rule[]>(), above: new Map<string, Rule[]>() })
      const shelf = { open: [], principal: named(), resource: named() }
      for (const rule of this.#rules)
        if (coversAction(rule.action, key, action.groups))
          if (this.#canBe(rule.principal, principal.type))
            if (this.#canBe(rule.resource, resource.type))
              put(shelf, rule, { principal: principal.type, resource: resource.type })
      return shelf
    })
  }

  /** Whether something of this type can be in the scope at all. */
  #canBe({ type, same, within }: Scope, given: string): boolean {
    if ((type ?? given) !== given || (same?.type ?? given) !== given) return false
    if (within === undefined || within.type === given) return true
    return this.types.entities.get(given)?.above.has(within.type) ?? false
  }
}

function put(shelf: Shelf, rule: Rule, types: { principal: string; resource: string }): void {
  const slots = ['principal', 'resource'] as const
  const slot =
    slots.find(each => rule[each].same !== undefined) ??
    slots.find(each => rule[each].within !== undefined)
  if (slot === undefined) return void shelf.open.push(rule)
  const { same, within } = rule[slot]
  const itself = same ?? (within?.type === types[slot] ? within : undefined)
  if (itself !== undefined) shelf[slot].same.getOrInsertComputed(itself.id, () => []).push(rule)
  if (same !== undefined || within === undefined) return
  shelf[slot].above.getOrInsertComputed(entityKey(within.type, within.id), () => []).push(rule)
}
