/** A canary's life, step by step, as connectors over HTTP tell it: the first that fails is the last. */
import { isProblem } from '../../src/core/base/problem.ts'
import type { Preflight } from '../../src/core/target/target.ts'

/** `undo`: what was made when a step failed. What goes wrong there is not told. */
export async function walk(
  name: string,
  steps: Readonly<Record<string, () => Promise<unknown>>>,
  undo: () => Promise<unknown>,
): Promise<Preflight> {
  const done: Preflight['steps'][number][] = []
  for (const [step, run] of Object.entries(steps)) {
    const detail = await run().then(
      () => undefined,
      (thrown: unknown) => say(name, thrown),
    )
    done.push(detail === undefined ? { name: step, ok: true } : { name: step, ok: false, detail })
    if (detail === undefined) continue
    await undo().catch(() => {})
    return { ok: false, steps: done }
  }
  return { ok: true, steps: done }
}

function say(name: string, thrown: unknown): string {
  if (!isProblem(thrown)) return `${name} answered something we do not know.`
  return `${thrown.detail} ${thrown.next ?? ''}`.trim()
}
