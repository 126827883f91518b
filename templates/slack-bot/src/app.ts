/** What this app is: as `leasehold dev` says it now, else as `leasehold.yaml` says it for readers. */
import { readFileSync } from 'node:fs'

export interface App {
  readonly name: string
  readonly says: string
  readonly owner: string
  /** In words, for people. */
  readonly ends: string
  /** Why there is no real data yet, where there is none. */
  readonly waits: string
}

const file = new URL('../leasehold.yaml', import.meta.url)

export function readApp(env: NodeJS.ProcessEnv): App {
  const text = readFileSync(file, 'utf8')
  const line = (name: string) => {
    const [, value = ''] = new RegExp(`^${name}: (".*")$`, 'm').exec(text) ?? []
    return value === '' ? '' : String(JSON.parse(value))
  }
  return {
    name: line('app'),
    says: line('says'),
    owner: env['LEASEHOLD_OWNER'] ?? line('owner'),
    ends: env['LEASEHOLD_ENDS'] ?? line('ends'),
    waits:
      env['LEASEHOLD_WAITS'] ??
      (env['LEASEHOLD_COMMIT'] === undefined
        ? 'No access was granted to this command: start it with `leasehold dev`.'
        : 'Deployed, it has no access to real data yet: `leasehold dev` has it.'),
  }
}
