/**
 * Systems whose requests we know: where they are, how they take a key, and what each request does; in
 * presets.json. The first rule that fits counts, `*` is any text; what none fits is classed by its
 * method, unknown as the strongest. Sources: each vendor's own API reference.
 */
import { type DataAction, dataActions } from '../../src/core/base/permit.ts'
import { assert } from '../../src/core/base/problem.ts'
import type { Rule } from './classes.ts'
import known from './presets.json' with { type: 'json' }

export interface Preset {
  readonly url: string
  readonly header: string
  /** What stands before the key. */
  readonly scheme: string
  readonly rules: Readonly<Record<string, DataAction>>
}

export type PresetName = keyof typeof known
export const presetNames = Object.keys(known) as PresetName[]
export const presets = known as Readonly<Record<PresetName, Preset>>

for (const { rules } of Object.values(presets))
  for (const action of Object.values(rules))
    assert(dataActions.includes(action), `${action} is no class of data use`)

export function rulesOf(preset: Preset | undefined): Rule[] {
  return Object.entries(preset?.rules ?? {})
}
