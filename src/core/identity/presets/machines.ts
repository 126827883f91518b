/** The kinds of machine that can prove who they are, by the name a trust rule has for them. */
import type { JsonObject } from '../../base/json.ts'
import { github } from './github.ts'
import { gitlab } from './gitlab.ts'
import { kubernetes } from './kubernetes.ts'
import { claimOf, type MachinePreset } from './machine.ts'
import { spiffe } from './spiffe.ts'

export const machines = { github, gitlab, kubernetes, spiffe } as const
export type MachineName = keyof typeof machines

/** What a token may be of: the kinds whose immutable id it names. Believe none of it before a rule fits. */
export function kindsOf(claims: JsonObject): MachinePreset[] {
  return Object.values(machines).filter(({ anchor }) => typeof claimOf(claims, anchor) === 'string')
}
