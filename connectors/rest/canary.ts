/** A canary's life, step by step, as connectors over HTTP tell it: the first that fails is the last. */
import { isProblem } from '../../src/core/base/problem.ts'
import type { Preflight } from '../../src/core/target/target.ts'

/** What a step gives is told to a person: never a secret. */
export type Steps = Readonly<Record<string, () => Promise<string | undefined | void>>>

/** `undo`: what was made when a step failed. What goes wrong there is not told. */
export async function walk(
  name: string,
  steps: Steps,
  undo: () => Promise<unknown> = async () => {},
): Promise<Preflight> {
  const done: Preflight['steps'][number][] = []
  for (const [step, run] of Object.entries(steps)) {
    try {
      const detail = await run()
      done.push({ name: step, ok: true, ...(detail && { detail }) })
    } catch (thrown) {
      done.push({ name: step, ok: false, detail: say(name, thrown) })
      await undo().catch(() => {})
      return { ok: false, steps: done }
    }
  }
  return { ok: true, steps: done }
}

function say(name: string, thrown: unknown): string {
  if (!isProblem(thrown)) return `${name} answered something we do not know.`
  return `${thrown.detail} ${thrown.next ?? ''}`.trim()
}
