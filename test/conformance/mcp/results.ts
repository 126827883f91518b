/**
 * What a run of the suite means: one outcome for each check, from the files it leaves.
 *
 * It writes a folder per scenario (`server-NAME-TIME/checks.json`), whether the requirement set asks
 * for that scenario or not; which it asks for stands in the set (`requirements/REVISION.yaml`).
 * Not here: running anything (suite.ts).
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'

export type Outcome = { scenario: string; check: string; passed: boolean; detail: string }
export type Checks = z.infer<typeof checksShape>

const checksShape = z.array(
  z.object({
    id: z.string(),
    status: z.enum(['SUCCESS', 'FAILURE', 'WARNING', 'INFO', 'SKIPPED']),
    description: z.string().optional(),
    errorMessage: z.string().optional(),
  }),
)
const scenarios = z.array(z.string()).min(1)
const requirementsShape = z.object({ server: scenarios, client: scenarios })

/** `tools-list-2026-07-28T10-11-12-345Z`; of a server with that word before. */
const FOLDER = /^(.+)-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d-\d{3}Z$/
const MAX_DETAIL = 2000

/** The scenarios a server, or a client, must pass, from the text of a requirement set. */
export function readRequired(yaml: string, leg: 'server' | 'client' = 'server'): string[] {
  return requirementsShape.parse(parse(yaml))[leg]
}

/** The checks of each scenario that left any. */
export function readChecks(
  folder: string,
  mode: 'server-' | 'authorization-server-' | '' = 'server-',
): Map<string, Checks> {
  const found = new Map<string, Checks>()
  for (const name of readdirSync(folder).sort()) {
    const scenario = FOLDER.exec(name.slice(mode.length))?.[1]
    if (scenario === undefined || !name.startsWith(mode)) continue
    const text = readFileSync(join(folder, name, 'checks.json'), 'utf8')
    found.set(scenario, [...(found.get(scenario) ?? []), ...checksShape.parse(JSON.parse(text))])
  }
  return found
}

/**
 * The outcomes of `wanted`, in its order. As the suite judges, a warning does not fail, and what it
 * only notes or skips is no outcome. Other than the suite, a scenario that judged nothing fails:
 * it broke before its first check, or never ran.
 */
export function judge(wanted: readonly string[], found: ReadonlyMap<string, Checks>): Outcome[] {
  return wanted.flatMap(scenario => {
    const outcomes = (found.get(scenario) ?? []).flatMap(check => outcomeOf(scenario, check))
    if (outcomes.length > 0) return outcomes
    return [{ scenario, check: 'ran', passed: false, detail: 'no check was made' }]
  })
}

function outcomeOf(scenario: string, check: Checks[number]): Outcome[] {
  const { id, status, description = '', errorMessage = description } = check
  if (status === 'INFO' || status === 'SKIPPED') return []
  const detail = status === 'WARNING' ? `warning: ${errorMessage}` : errorMessage
  return [
    { scenario, check: id, passed: status !== 'FAILURE', detail: detail.slice(0, MAX_DETAIL) },
  ]
}
