/**
 * What was born outside: things at connected systems that no lease of ours accounts for and that were not
 * there when the day was opened. Everything is asked of the server, which looks at each system as a whole;
 * nothing is remembered here.
 */
import type * as api from '../../../../src/doors/api/contract.ts'
import type { Cli } from '../../cli.ts'
import { Problem } from '../../problem.ts'
import { segment } from '../../verbs/kit.ts'
import { again, pageRows, read, send, spread, tried } from './work.ts'

/** `looked`: to its end, now; `unseen`: what it does not show us, and what that needs. */
export type SystemLook = Awaited<ReturnType<typeof lookAt>>
/** `isSettled`: revoked, or somebody answers for it and it has an end. */
export type Outside = ReturnType<typeof outsideOf>

/** Looks at every connected system, now. */
export async function lookEverywhere(cli: Cli): Promise<SystemLook[]> {
  const { items } = await read<{ items: api.TargetView[] }>(cli, '/v1/targets')
  return spread(items, ({ slug }) => lookAt(cli, slug))
}

async function lookAt(cli: Cli, system: string) {
  const path = `/v1/targets/${segment(system)}/look`
  const ask = () => tried(() => again(cli, () => send<api.LookView>(cli, path, {})))
  const first = await ask()
  // Another process of the server may be writing down the same things at this moment.
  const isTaken = first instanceof Problem && /^(conflict|already-exists)$/.test(first.text.code)
  const seen = isTaken ? await ask() : first
  const none = { system, looked: false, things: 0, unseen: [] as readonly string[] }
  if (seen instanceof Problem) return { ...none, because: seen.text.what }
  const { isOver: looked, things, unseen } = seen
  return {
    system,
    looked,
    things,
    unseen,
    because: looked ? null : 'it is more than one look reads',
  }
}

/**
 * First seen after `since`. INVARIANT: a list that may not be whole is never taken for one: then the
 * system is one that was not looked at.
 */
export async function bornOutside(cli: Cli, since: string, looks: readonly SystemLook[]) {
  const pages = await spread(looks, async look => {
    const query = { target: look.system, since }
    const { items } = await read<api.FoundList>(cli, '/v1/found', query)
    const because = 'more was made there than one list holds'
    const isWhole = items.length < pageRows
    return { items, system: isWhole ? look : { ...look, looked: false, because } }
  })
  const things = pages.flatMap(({ items }) => items)
  const outside = await spread(things, async thing => outsideOf(thing, await endOf(cli, thing)))
  return { outside, systems: pages.map(({ system }) => system) }
}

/** Its own end, or that of the app that answers for it. */
async function endOf(cli: Cli, { app, endsAt }: api.FoundView): Promise<string | null> {
  if (app === null) return endsAt
  return (await read<api.AppView>(cli, `/v1/apps/${segment(app)}`)).endsAt
}

export function outsideOf(thing: api.FoundView, endsAt: string | null) {
  const { id, shortId, target: system, kind, name, firstSeenAt, state, owner, app } = thing
  const isOver = state === 'gone' || state === 'revoked'
  // On its way out is not out: until that is proven it may be there.
  const isAnswered = owner !== null && endsAt !== null && state !== 'ending' && state !== 'found'
  const told = { id, shortId, system, kind, name, firstSeenAt, state, owner, app, endsAt }
  return { ...told, isSettled: isOver || isAnswered }
}
