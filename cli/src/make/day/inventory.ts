/**
 * What was born outside: things at connected systems that no lease of ours accounts for and that were not
 * there when the day was opened. Everything is asked of the server, which looks at each system as a whole;
 * nothing is remembered here.
 */
import type {
  AppView,
  FoundList,
  FoundView,
  LookView,
  TargetView,
} from '../../../../src/doors/api/contract.ts'
import type { Cli } from '../../cli.ts'
import { Problem } from '../../problem.ts'
import { segment } from '../../verbs/kit.ts'
import { pageRows, read, send, spread, tried } from './work.ts'

/** One system as a whole. Looked at: to its end, and not longer ago than this call. */
export interface SystemLook {
  readonly system: string
  readonly looked: boolean
  /** Not ours, as many as are there. */
  readonly things: number
  /** What it does not show us, and what that needs. */
  readonly unseen: readonly string[]
  readonly because: string | null
}

export interface Outside {
  readonly id: string
  readonly shortId: string
  readonly system: string
  readonly kind: string
  readonly name: string
  readonly firstSeenAt: string
  readonly state: FoundView['state']
  readonly owner: string | null
  readonly app: string | null
  readonly endsAt: string | null
  /** Revoked, or somebody answers for it and it has an end. */
  readonly isSettled: boolean
}

/** Looks at every connected system, now. */
export async function lookEverywhere(cli: Cli): Promise<SystemLook[]> {
  const { items } = await read<{ items: TargetView[] }>(cli, '/v1/targets')
  return spread(items, ({ slug }) => lookAt(cli, slug))
}

async function lookAt(cli: Cli, system: string): Promise<SystemLook> {
  const path = `/v1/targets/${segment(system)}/look`
  const ask = () => tried(() => send<LookView>(cli, path, {}))
  const first = await ask()
  // Another process of the server may be writing down the same things at this moment.
  const isTaken =
    first instanceof Problem && ['conflict', 'already-exists'].includes(first.text.code)
  const seen = isTaken ? await ask() : first
  if (seen instanceof Problem)
    return { system, looked: false, things: 0, unseen: [], because: seen.text.what }
  const { isOver: looked, things, unseen } = seen
  return {
    system,
    looked,
    things,
    unseen,
    because: looked ? null : 'it has more than one look reads',
  }
}

/**
 * First seen after `since`. INVARIANT: a list that may not be whole is never taken for one: then the
 * system is one that was not looked at.
 */
export async function bornOutside(
  cli: Cli,
  since: string,
  systems: readonly SystemLook[],
): Promise<{ outside: Outside[]; systems: SystemLook[] }> {
  const pages = await spread(systems, async system => {
    const query = new URLSearchParams({ target: system.system, since })
    const { items } = await read<FoundList>(cli, `/v1/found?${String(query)}`)
    const isWhole = items.length < pageRows
    const because = 'more was made there than one list holds'
    return { items, system: isWhole ? system : { ...system, looked: false, because } }
  })
  const things = pages.flatMap(({ items }) => items)
  const outside = await spread(things, async thing => outsideOf(thing, await endOf(cli, thing)))
  return { outside, systems: pages.map(({ system }) => system) }
}

/** Its own end, or that of the app that answers for it. */
async function endOf(cli: Cli, { app, endsAt }: FoundView): Promise<string | null> {
  if (app === null) return endsAt
  return (await read<AppView>(cli, `/v1/apps/${segment(app)}`)).endsAt
}

export function outsideOf(thing: FoundView, endsAt: string | null): Outside {
  const { id, shortId, target: system, kind, name, firstSeenAt, state, owner, app } = thing
  const isOver = state === 'gone' || state === 'revoked'
  // On its way out is not out: until that is proven it may be there.
  const isAnswered = owner !== null && endsAt !== null && state !== 'ending' && state !== 'found'
  const isSettled = isOver || isAnswered
  return { id, shortId, system, kind, name, firstSeenAt, state, owner, app, endsAt, isSettled }
}
