/**
 * How a machine says who it is, in place of a person who signed in: by a token its own issuer made for it.
 * GitHub Actions is asked for a new one each time; GitLab and Kubernetes hand over one that lives as long as
 * the job or pod, which our server takes for the holder of one key, so that key is kept.
 */
import { readFileSync } from 'node:fs'
import { parse, request } from './api.ts'
import { type Key, newKey } from './dpop.ts'
import { failed } from './problem.ts'
import { changeProfile, isLoopback, type Server } from './server.ts'

type Env = Readonly<Record<string, string | undefined>>

const requestUrl = 'ACTIONS_ID_TOKEN_REQUEST_URL'

export function isMachine(env: Env): boolean {
  return [env['LEASEHOLD_ID_TOKEN_FILE'], env['LEASEHOLD_ID_TOKEN'], env[requestUrl]].some(Boolean)
}

/** A token for this audience, read or asked for anew. */
export async function machineToken(env: Env, audience: string): Promise<string> {
  const file = env['LEASEHOLD_ID_TOKEN_FILE']
  try {
    // Read each time: what put it there renews it.
    if (file) return readFileSync(file, 'utf8').trim()
    if (env['LEASEHOLD_ID_TOKEN']) return env['LEASEHOLD_ID_TOKEN'].trim()
    return await askGithub(env, audience)
  } catch (error) {
    const why = error instanceof Error ? error.message : ''
    const what = `This machine gave no token that says who it is${file ? ` (${file})` : ''}.`
    throw failed(what, 'In GitHub Actions: permissions: { id-token: write }', why)
  }
}

/** The key of this machine: one for all its commands where something can be kept, else of this command. */
export async function machineKey(server: Server): Promise<Key> {
  const fresh = newKey()
  const kept = changeProfile(server, now => ({ ...now, machineKey: now.machineKey ?? fresh }))
  return (await kept.catch(() => undefined))?.machineKey ?? fresh
}

/** docs.github.com, "OpenID Connect": one request to the runner's own service. */
async function askGithub(env: Env, audience: string): Promise<string> {
  const url = new URL(env[requestUrl] ?? '')
  if (url.protocol !== 'https:' && !isLoopback(url)) throw new Error('not an address of a runner')
  url.searchParams.set('audience', audience)
  const token = env['ACTIONS_ID_TOKEN_REQUEST_TOKEN'] ?? ''
  const answer = await request(url, { method: 'GET', path: url.pathname + url.search, token })
  const { value } = parse(answer) as { value?: unknown }
  if (typeof value !== 'string') throw new Error(`the runner answered ${answer.status}`)
  return value
}
