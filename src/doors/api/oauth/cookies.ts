/**
 * Our two cookies: the browser session, and a sign-in under way at the company's provider. Over
 * https they carry the `__Host-` prefix, so that no neighbouring host can set them.
 */

import type { ServerResponse } from 'node:http'
import { bounds } from '../../../life/sign-in/bounds.ts'
import type { Request } from './request.ts'

export interface CookieJar {
  read(request: Request, cookie: CookieName): string | undefined
  set(res: ServerResponse, cookie: CookieName, value: string): void
  clear(res: ServerResponse, cookie: CookieName): void
}

export type CookieName = 'session' | 'sign-in'

const names = { session: 'lh_session', 'sign-in': 'lh_sign_in' } as const
const ages = { session: bounds.sessionSeconds, 'sign-in': bounds.signInSeconds } as const

export function cookieJar(isHttps: boolean): CookieJar {
  const nameOf = (cookie: CookieName) => `${isHttps ? '__Host-' : ''}${names[cookie]}`
  const write = (res: ServerResponse, cookie: CookieName, value: string, age: number) =>
    res.appendHeader(
      'Set-Cookie',
      `${nameOf(cookie)}=${value}; Path=/; Max-Age=${age}; HttpOnly; SameSite=Lax${isHttps ? '; Secure' : ''}`,
    )
  return {
    read: (request, cookie) => request.cookies.get(nameOf(cookie)),
    set: (res, cookie, value) => void write(res, cookie, value, ages[cookie]),
    clear: (res, cookie) => void write(res, cookie, '', 0),
  }
}
