/** What can be done with a token of an installation, whoever has it: ask, try it on both paths, end it. */
import { isProblem, Problem } from '../../src/core/base/problem.ts'
import { type RestRequest, restClient } from '../rest/client.ts'

/** What each of the two paths says to a token, and why where that is unclear. */
export interface Tried {
  readonly rest: Said
  readonly graph: Said
  readonly because: readonly string[]
}
type Said = 'accepted' | 'refused' | 'unclear'
export type Request = Omit<RestRequest, 'headers'>
export type Tokens = ReturnType<typeof openTokens>

export function openTokens(url: URL) {
  const ask = restClient('GitHub', url)
  // Beside the REST API; on a server of one's own in the folder above it.
  const graph = restClient('GitHub', new URL(url.href.replace(/\/api\/v3\/?$/, '/api')))
  const asToken = (token: string, request: Request, signal: AbortSignal) =>
    ask({ ...request, headers: headersOf(token) }, signal)
  return {
    asToken,
    /** Dead already is ended. What an answer says is no proof either way. */
    async endToken(token: string, signal: AbortSignal): Promise<void> {
      const end = { method: 'DELETE', path: '/installation/token', takes: [401] } as const
      await asToken(token, end, signal)
    },
    /** Never rejects. GraphQL answers every token that lives, whatever its rights. */
    async tryToken(token: string, signal: AbortSignal): Promise<Tried> {
      const because: string[] = []
      const say = (asked: Promise<{ readonly status: number }>) =>
        asked.then(
          ({ status }): Said => (status === 401 ? 'refused' : 'accepted'),
          (thrown): Said => {
            because.push(isProblem(thrown) ? thrown.detail : 'GitHub broke off.')
            return 'unclear'
          },
        )
      const all = { headers: headersOf(token), takes: [401] }
      const list = { ...all, method: 'GET', path: '/installation/repositories?per_page=1' } as const
      const body = { query: '{ rateLimit { remaining } }' }
      const query = { ...all, method: 'POST', path: '/graphql', body } as const
      const says = await Promise.all([say(ask(list, signal)), say(graph(query, signal))])
      return { rest: says[0], graph: says[1], because }
    },
  }
}

/** GitHub's prefix of an installation's token; what follows is its own business, and grew in 2026. */
export function isToken(secret: string | null): secret is string {
  return secret !== null && /^ghs_[\w.-]{36,4000}$/.test(secret)
}

export function isAccepted({ rest, graph }: Tried): boolean {
  return rest === 'accepted' && graph === 'accepted'
}

export function isRefused({ rest, graph }: Tried): boolean {
  return rest === 'refused' || graph === 'refused'
}

export function unclear({ because }: Tried): Problem {
  const detail = because.join(' ') || 'GitHub does not take the token that it made a moment ago.'
  return new Problem('target-unavailable', { detail, next: 'Try again.' })
}

export function headersOf(bearer: string) {
  return {
    accept: 'application/vnd.github+json',
    'x-github-api-version': '2022-11-28',
    'user-agent': 'leasehold',
    authorization: `Bearer ${bearer}`,
  }
}
