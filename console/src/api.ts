/**
 * How the console asks the server: as the signed-in person, by the cookie of their browser session. What
 * can not be done is a `Refused` with the server's own words; nothing here puts them in other ones.
 */
import type { Me, ProblemBody } from '../../src/doors/api/contract.ts'
import { sayAnswered } from './live.ts'

export type * from '../../src/doors/api/contract.ts'

/** What the server answered instead, or that it did not. */
export class Refused extends Error {
  readonly problem: ProblemBody

  constructor(problem: ProblemBody) {
    super(problem.detail)
    this.problem = problem
  }
}

/** The word of the session: a page of another site can not read it, so it can not send it. */
let csrf: string | null = null

export async function readMe(): Promise<Me> {
  const me = await get<Me>('/v1/me')
  csrf = me.csrf
  return me
}

export function get<T>(path: string): Promise<T> {
  return ask<T>(path, { method: 'GET' })
}

export function post<T>(path: string, body: object = {}): Promise<T> {
  return ask<T>(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-leasehold-csrf': csrf ?? '' },
    body: JSON.stringify(body),
  })
}

/** Ends the session, as the form of the plain page does. */
export async function signOut(): Promise<void> {
  await fetch('/sign-out', { method: 'POST', body: new URLSearchParams({ csrf: csrf ?? '' }) })
  location.assign('/')
}

async function ask<T>(path: string, init: RequestInit): Promise<T> {
  let response: Response
  try {
    response = await fetch(path, { ...init, credentials: 'same-origin' })
  } catch {
    sayAnswered(false)
    throw new Refused(away)
  }
  sayAnswered(response.status < 500)
  if (response.ok) return (await response.json()) as T
  if (response.status === 401) signInAgain()
  const type = response.headers.get('content-type') ?? ''
  throw new Refused(
    type.startsWith('application/problem+json') ? ((await response.json()) as ProblemBody) : away,
  )
}

/** Back to the same page afterwards. */
function signInAgain(): void {
  const here = `${location.pathname}${location.search}`
  location.assign(`/sign-in?to=${encodeURIComponent(here)}`)
}

const away: ProblemBody = {
  type: 'about:blank',
  title: 'No answer',
  code: 'unreachable',
  status: 0,
  detail: 'The server does not answer.',
  next: 'What you see is from before. It is asked again by itself.',
  requestId: '',
}
