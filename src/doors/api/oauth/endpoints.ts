/**
 * The OAuth endpoints: one issuer, two hands. What concerns workloads (token exchange, task tokens)
 * goes to the functions given; everything else to our authorization server, which gets a request
 * made anew from what was checked, never the caller's own headers.
 */

import { IncomingMessage, type ServerResponse } from 'node:http'
import type { JSONWebKeySet } from 'jose'
import { problemOf } from '../../../core/base/problem.ts'
import { type FederationIssuer, federationPaths } from '../../../life/federation/issuer.ts'
import * as server from '../../../life/sign-in/authorization-server.ts'
import { bounds } from '../../../life/sign-in/bounds.ts'
import { countDeviceCodes } from '../../../life/sign-in/rows.ts'
import { type OauthAnswer, sendJson } from './answer.ts'
import { type Form, parseForm, readFormText, type Visit, type VisitRoute } from './request.ts'

/** A form, and the request it came in, whose headers say who sends it. Throws Problems. */
type FormHandler<A> = (form: Form, req: IncomingMessage) => Promise<A>

export interface WorkloadEndpoints {
  /** RFC 8693. */
  readonly exchange: FormHandler<OauthAnswer>
  /** RFC 7662 and 7009 for the tokens of workloads; undefined when the token is none of those. */
  readonly introspect: FormHandler<OauthAnswer | undefined>
  readonly revoke: FormHandler<OauthAnswer | undefined>
}

export interface EndpointsWorld extends server.AuthorizationServerWorld, WorkloadEndpoints {
  /** Public keys of everything that may still be alive. */
  readonly tokenJwks: () => JSONWebKeySet
  /** Our issuer for outside systems: what is public of it. */
  readonly federation: Pick<FederationIssuer, 'discovery' | 'jwks' | 'turn'>
}

type Endpoint = (visit: Visit) => Promise<void>

export function oauthRoutes(world: EndpointsWorld): Map<string, VisitRoute> {
  const issuer = new URL(world.issuer)
  const provider = server.authorizationServer(world)
  const forward = (req: IncomingMessage, res: ServerResponse, text?: string) =>
    provider(remake(req, issuer, text), res)
  const form =
    (ours: FormHandler<OauthAnswer | undefined>): Endpoint =>
    async ({ req, res }) => {
      const text = await readFormText(req)
      const answer = await ours(parseForm(text), req)
      if (answer !== undefined) sendJson(res, answer)
      else await forward(req, res, text)
    }
  const exchangeOnly: FormHandler<OauthAnswer | undefined> = async (given, req) =>
    given.get('grant_type') === server.tokenExchangeGrant ? world.exchange(given, req) : undefined
  const read: Endpoint = async ({ req, res }) => {
    res.setHeader('Cache-Control', 'public, max-age=60')
    await forward(req, res)
  }
  const { federation } = world
  const published =
    (document: () => object | Promise<object>): Endpoint =>
    async ({ res }) => {
      res.setHeader('Cache-Control', 'public, max-age=60')
      sendJson(res, { status: 200, body: await document() })
    }
  const outsideKeys = async () => {
    if (federation.jwks().keys.length === 0) await federation.turn()
    return federation.jwks()
  }
  return new Map<string, VisitRoute>([
    [federationPaths.discovery, { get: published(federation.discovery) }],
    [federationPaths.jwks, { get: published(outsideKeys) }],
    ['/.well-known/openid-configuration', { get: read }],
    ['/.well-known/oauth-authorization-server', { get: read }],
    [server.oauthPaths.jwks, { get: published(world.tokenJwks) }],
    [server.oauthPaths.token, { post: form(exchangeOnly) }],
    [server.oauthPaths.introspection, { post: form(world.introspect) }],
    [server.oauthPaths.revocation, { post: form(world.revoke) }],
    [server.oauthPaths.device_authorization, { post: form(() => checkRoom(world)) }],
  ])
}

async function checkRoom(world: EndpointsWorld): Promise<undefined> {
  const waiting = await countDeviceCodes(world.store, world.clock.now())
  if (waiting < bounds.deviceCodesOpen) return
  throw problemOf('too-many-devices')
}

/**
 * A request with our own host and scheme, the caller's address, and nothing of what it may have
 * said about either. Cookies stay here: browsers come to our own pages, not to the library's.
 */
function remake(req: IncomingMessage, issuer: URL, text = ''): IncomingMessage {
  const made = new IncomingMessage(req.socket)
  made.httpVersion = req.httpVersion
  made.method = req.method ?? 'GET'
  made.url = req.url ?? '/'
  made.headers = {
    host: issuer.host,
    accept: 'application/json',
    'user-agent': req.headers['user-agent'] ?? '',
    'x-forwarded-proto': issuer.protocol.slice(0, -1),
    'x-forwarded-for': req.socket.remoteAddress ?? '',
    ...(req.headers.authorization && { authorization: req.headers.authorization }),
    ...(req.headers['dpop'] && { dpop: String(req.headers['dpop']) }),
    ...(made.method === 'POST'
      ? {
          'content-type': 'application/x-www-form-urlencoded',
          'content-length': String(Buffer.byteLength(text)),
        }
      : {}),
  }
  if (text !== '') made.push(text)
  made.push(null)
  // Else reading it to its end counts as broken off, and takes the connection with it.
  made.complete = true
  return made
}
