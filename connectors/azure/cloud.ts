/**
 * Requests at Microsoft Graph and Azure Resource Manager: as ourselves, and with the token of a lease to
 * see whether it still opens anything.
 */
import { z } from 'zod'
import { isObject, type Json, type JsonObject } from '../../src/core/base/json.ts'
import type { Clock } from '../../src/core/base/time.ts'
import { type RestAnswer, type RestRequest, restClient } from '../rest/client.ts'
import type { Said } from '../rest/cloud.ts'
import type { Federation } from '../rest/federation.ts'
import type { AzureConfig } from './config.ts'
import { explain, hosts, name, openLogin, readAs, refused, type Service } from './login.ts'

const pages = 200
export const armVersion = 'api-version=2022-04-01'

export type Request = Omit<RestRequest, 'headers'> & { readonly prefer?: string }
export type Cloud = ReturnType<typeof openCloud>

export function openCloud(config: AzureConfig, clock: Pick<Clock, 'now'>, issuer?: Federation) {
  const login = openLogin(config, clock, issuer)
  const baseOf = (service: Service) => new URL(config.url ?? `https://${hosts[service]}`)
  const asks = { graph: restClient(name, baseOf('graph')), arm: restClient(name, baseOf('arm')) }

  const as = (token: string, service: Service, { prefer, ...rest }: Request, signal: AbortSignal) =>
    asks[service](
      { ...rest, headers: { authorization: `Bearer ${token}`, ...(prefer && { prefer }) } },
      signal,
    )

  /** As ourselves; once more with another token where that one is not taken. */
  async function call(service: Service, request: Request, signal: AbortSignal) {
    const asked = { ...request, takes: [...(request.takes ?? []), 401] }
    const token = await login.owns[service](signal)
    const answer = await as(token, service, asked, signal)
    if (answer.status !== 401) return answer
    const again = await as(await login.owns[service](signal, token), service, asked, signal)
    if (again.status !== 401) return again
    throw refused('Azure does not take our credential.')
  }

  const asLease = (token: string, path: string, signal: AbortSignal) =>
    as(token, 'arm', { method: 'GET', path, takes: [401, 403, 404] }, signal)
  return {
    ...login,
    config,
    clock,
    call,
    ...openPages(call, baseOf),
    hostOf: (service: Service) => baseOf(service).host,
    tryToken: (token: string, scope: string, signal: AbortSignal) =>
      tried(asLease(token, permissionsOf(scope), signal)),
    /** Ours, on the same path. */
    tryProbe: (scope: string, signal: AbortSignal) =>
      tried(login.owns.arm(signal).then(token => asLease(token, permissionsOf(scope), signal))),
  }
}

/** Lists, by whoever asks. */
export function openPages(
  call: (service: Service, request: Request, signal: AbortSignal) => Promise<RestAnswer>,
  baseOf: (service: Service) => URL,
) {
  /** A page and the path of the next. ATTACKER: a link that leads elsewhere, where our token would go. */
  async function readPage(service: Service, path: string, signal: AbortSignal) {
    // Of a scope that is not there any more nobody has anything.
    const takes = service === 'arm' ? [404] : []
    const answer = await call(service, { method: 'GET', path, takes }, signal)
    if (answer.status === 404) return { value: [], next: '' }
    const { value: rows, ...links } = readAs(pageShape, answer.body)
    const value = (rows as readonly Json[]).filter(isObject)
    const link = links['@odata.nextLink'] ?? links.nextLink
    const root = baseOf(service).href.replace(/\/$/, '')
    if (link === undefined) return { value, next: '' }
    if (!link.startsWith(`${root}/`)) throw refused('Azure names a next page that is elsewhere.')
    return { value, next: link.slice(root.length) }
  }
  async function readAll(service: Service, path: string, signal: AbortSignal) {
    const all: JsonObject[] = []
    for (let page = 0, at = path; page < pages; page++) {
      const { value, next } = await readPage(service, at, signal)
      all.push(...value)
      if (next === '') return all
      at = next
    }
    throw refused('Azure listed more than we can take.')
  }
  return { readPage, readAll }
}

const permissionsOf = (scope: string) =>
  `${scope}/providers/Microsoft.Authorization/permissions?${armVersion}`

/** Never rejects. Who may do nothing on a scope opens nothing there; only that, and 401, is a refusal. */
async function tried(
  asked: Promise<{ readonly status: number; readonly body: Json }>,
): Promise<Said> {
  try {
    const { status, body } = await asked
    const because = errorIn(body)
    const isNo = status === 401 || (status === 403 && because === 'AuthorizationFailed')
    if (isNo) return { says: 'refused', because }
    if (status >= 400)
      return { says: 'unclear', because: `Azure answered ${status} ${because}`.trim() }
    const { value } = readAs(pageShape, body)
    return { says: value.length > 0 ? 'accepted' : 'refused', because: 'no right' }
  } catch (thrown) {
    return { says: 'unclear', because: explain(thrown) }
  }
}

const pageShape = z.object({
  value: z.array(z.json()),
  '@odata.nextLink': z.string().optional(),
  nextLink: z.string().optional(),
})

export function errorIn(body: Json): string {
  const error = isObject(body) ? body['error'] : undefined
  const code = isObject(error) ? error['code'] : undefined
  return typeof code === 'string' && /^\w{1,80}$/.test(code) ? code : ''
}
