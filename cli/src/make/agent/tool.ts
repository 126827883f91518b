/** What a tool of ours is, and what its answers have in common. */
import type * as api from '../../../../src/doors/api/contract.ts'
import type { Cli } from '../../cli.ts'

/** `next`: a command of ours, or a sentence. `tellUser`: to be said to the person in these words. */
export interface Told {
  readonly lines: readonly string[]
  readonly next: string
  readonly tellUser?: string
  readonly status?: 'ok' | 'action_required' | 'denied'
}
export type Args = Readonly<Record<string, string | number | readonly string[] | undefined>>
export type Does = (cli: Cli, args: Args, at: Place) => Promise<Told>
/** Where the agent works: the folder it was started in, then that of the app it made. */
export type Place = { folder: string }
export type Shape = Readonly<Record<string, object>>
export interface Tool {
  readonly name: string
  readonly description: string
  readonly inputSchema: {
    type: 'object'
    properties: Shape
    required: string[]
    additionalProperties: false
  }
  readonly annotations: Readonly<Record<string, boolean>>
  readonly does: Does
}

export const final =
  'This is final for now: other tools, credentials or SQL are refused as well, and logged.'
export const run = (name: string, action: string) =>
  `leasehold run --need ${name}:${action} -- <command>`
export const grantOf = (grant: api.GrantView) => `${grant.actions.join(', ')} ${grant.resource}`
