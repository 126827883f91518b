/** How a change is asked for: `verb(world, permit, input)`, about one thing, in one transaction. */
import { type AnyId, type Id, type IdKind, type SystemName, systemId } from '../base/ids.ts'
import { type ActionName, checkPermit, type Permit } from '../base/permit.ts'
import { type LedgerWorld, recorded, type Scope, type SweepWorld } from './record.ts'

/** The thing that is named: `grantId` is the id of a grant. */
type About<N extends string> = Readonly<
  Record<N, N extends `${infer K extends IdKind}Id` ? Id<K> : AnyId>
>

/**
 * `about` is the member of the input that names the thing. INVARIANT: before anything is read the permit
 * was seen to be for this action and that thing. What `work` does commits whole, with its entry, or not
 * at all (`recorded`).
 */
export function verb<A extends ActionName, N extends string, I extends About<N>, T, W = unknown>(
  action: A,
  about: N,
  work: (scope: Scope, input: I, by: Permit<A>, world: LedgerWorld & W) => Promise<T>,
) {
  const asked = async (world: LedgerWorld & W, permit: Permit<A>, input: I): Promise<T> => {
    checkPermit(permit, action, input[about])
    return recorded(world, scope => work(scope, input, permit, world))
  }
  /** The same by one of our own sweeps, which is decided as well. */
  const bySweep = async (world: SweepWorld & W, by: SystemName, input: I): Promise<T> => {
    const thing = { type: about.replace(/Id$/, ''), id: input[about] }
    return asked(world, world.permitFor(systemId(by), action, thing), input)
  }
  return Object.assign(asked, { bySweep })
}
