/**
 * Mounts people's sign-in and the authorization server into the one HTTP server. Every request of
 * the server passes here first: host and origin are checked for all routes, then ours are answered.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { Problem } from '../../../core/base/problem.ts'
import { oauthPaths } from '../../../life/sign-in/authorization-server.ts'
import { statusOf } from '../problems.ts'
import * as answers from './answer.ts'
import { consentRoute } from './consent.ts'
import { cookieJar } from './cookies.ts'
import { deviceRoute } from './device.ts'
import { type EndpointsWorld, oauthRoutes } from './endpoints.ts'
import { style } from './html.ts'
import { problemPage } from './pages.ts'
import { checkHost, type Hosts, readRequest, type VisitRoute } from './request.ts'
import { type PagesWorld, signInRoutes } from './sign-in.ts'

export interface OauthWorld
  extends Omit<PagesWorld, 'jar'>,
    Omit<EndpointsWorld, 'store' | 'clock' | 'replica'>,
    Hosts {}

/** Answers true when the request was ours and is answered; false leaves it to the next door. */
export function mountOauth(world: OauthWorld) {
  const isHttps = world.issuer.startsWith('https:')
  const people = { ...world, jar: cookieJar(isHttps) }
  const endpoints = oauthRoutes(world)
  const pages = new Map<string, VisitRoute>([
    ...signInRoutes(people),
    [oauthPaths.code_verification, deviceRoute(people)],
    [oauthPaths.authorization, consentRoute(people)],
    ['/style.css', { get: async ({ res }) => sendStyle(res) }],
  ])
  return async (req: IncomingMessage, res: ServerResponse): Promise<boolean> => {
    answers.setSecurityHeaders(res, isHttps)
    // As sent; compared, never decoded or normalised.
    const path = (req.url ?? '').split('?', 1)[0] ?? ''
    const page = pages.get(path)
    const route = page ?? endpoints.get(path)
    try {
      checkHost(req, world)
      // Cookies live under one name: pages asked for at 127.0.0.1 are at home at the issuer's.
      if (route !== undefined) await answer(route, req, res, page && world.issuer)
      return route !== undefined
    } catch (thrown) {
      const problem = answers.problemFrom(thrown, world.warn)
      if (res.headersSent) res.destroy()
      else {
        // What was not read of a body can not be skipped safely.
        if (!req.complete) res.setHeader('Connection', 'close')
        if (page !== undefined) answers.sendPage(res, problemPage(problem), statusOf(problem))
        else if (route !== undefined) answers.sendJson(res, answers.oauthError(problem))
        else answers.sendProblem(res, problem)
      }
      return true
    }
  }
}

async function answer(
  route: VisitRoute,
  req: IncomingMessage,
  res: ServerResponse,
  home: string | undefined,
): Promise<void> {
  const request = readRequest(req)
  const { method = '' } = req
  const handle = method === 'POST' ? route.post : route.get
  const methods = [
    ...(route.get === undefined ? [] : ['GET', 'HEAD']),
    ...(route.post === undefined ? [] : ['POST']),
  ]
  if (!methods.includes(method)) {
    res.setHeader('Allow', methods.join(', '))
    throw new Problem('method-not-allowed', { detail: `This takes ${methods.join(' or ')}.` })
  }
  if (home && method !== 'POST' && req.headers.host !== new URL(home).host) {
    res.writeHead(308, { Location: `${home}${req.url ?? '/'}` })
    res.end()
  } else await handle?.({ req, res, request })
}

function sendStyle(res: ServerResponse): void {
  res.writeHead(200, {
    'Content-Type': 'text/css; charset=utf-8',
    'Cache-Control': 'public, max-age=3600',
  })
  res.end(style)
}
