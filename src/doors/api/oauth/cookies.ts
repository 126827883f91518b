/**
 * Our two cookies: the browser session, and a sign-in under way at the company's provider. Over
 * https they carry the `__Host-` prefix, so that no neighbouring host can set them.
 */

import type { ServerResponse } from 'node:http'
import { bounds } from '../../../life/sign-in/bounds.ts'
import type { Request } from './request.ts'

export type CookieJar = ReturnType<typeof cookieJar>

type CookieName = keyof typeof names

const names = { session: 'lh_session', 'sign-in': 'lh_sign_in' } as const
const ages = { session: bounds.sessionSeconds, 'sign-in': bounds.signInSeconds } as const

export function cookieJar(isHttps: boolean) {
  const nameOf = (cookie: CookieName) => `${isHttps ? '__Host-' : ''}${names[cookie]}`
  const write = (res: ServerResponse, cookie: CookieName, value: string, age: number) =>
    res.appendHeader(
      'Set-Cookie',
      `${nameOf(cookie)}=${value}; Path=/; Max-Age=${age}; HttpOnly; SameSite=Lax${isHttps ? '; Secure' : ''}`,
    )
  return {
    read: ({ cookies }: Pick<Request, 'cookies'>, cookie: CookieName) =>
      cookies.get(nameOf(cookie)),
    set: (res: ServerResponse, cookie: CookieName, value: string) =>
      void write(res, cookie, value, ages[cookie]),
    clear: (res: ServerResponse, cookie: CookieName) => void write(res, cookie, '', 0),
  }
}
