/**
 * The gateway's own look at the tools of each target: what each says of itself, held to what was agreed.
 * A caller's listing is held to the same, so what one caller is shown teaches another nothing.
 */
import type { TargetId } from '../../../../core/base/ids.ts'
import type { Json } from '../../../../core/base/json.ts'
import type { Upstream } from '../../../../core/target/target.ts'
import { lookAtTools, type Tools } from '../../../../life/tools/look.ts'
import { hashTools, isAgreed, seeTools, type Tool } from '../../../../life/tools/pin.ts'
import { bounds } from '../../bounds.ts'
import type { GatewayWorld } from '../../tunnel.ts'

type Look = Tools & { readonly atMs: number }

/** Of all targets. A class because it guards when each was looked at. */
export class Catalogue {
  readonly #world: GatewayWorld
  readonly #looks = new Map<TargetId, Promise<Look>>()

  constructor(world: GatewayWorld) {
    this.#world = world
  }

  /** A tool as it is now, and whether that is what a person agreed to. Undefined: there is none. */
  async find(targetId: TargetId, upstream: Upstream, name: string) {
    const said = (await this.look(targetId, upstream)).tools.get(name)
    return said && { said: said as Json, isAgreed: this.isAgreed(targetId, said) }
  }

  isAgreed(targetId: TargetId, tool: Tool): boolean {
    return isAgreed(this.#world.replica, targetId, tool)
  }

  /** A caller was shown something else: the next look is a new one. */
  forget(targetId: TargetId): void {
    this.#looks.delete(targetId)
  }

  /** At most `bounds.toolsFreshMs` old. */
  async look(targetId: TargetId, upstream: Upstream): Promise<Look> {
    const nowMs = this.#world.clock.monotonicMs()
    const known = await this.#looks.get(targetId)?.catch(() => undefined)
    if (known !== undefined && nowMs - known.atMs < bounds.toolsFreshMs) return known
    const again = this.#lookNow(targetId, upstream, nowMs)
    this.#looks.set(targetId, again)
    return again
  }

  async #lookNow(targetId: TargetId, upstream: Upstream, atMs: number): Promise<Look> {
    const look = await lookAtTools(upstream)
    await seeTools(this.#world, targetId, hashTools([...look.tools.values()]))
    await this.#world.settle()
    return { ...look, atMs }
  }
}
