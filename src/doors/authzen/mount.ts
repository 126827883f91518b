/**
 * The decision API: the Authorization API 1.0 of OpenID AuthZEN over HTTPS. Below `/access/v1` our own
 * rules are asked, below `/apps/<app>/access/v1` those an app brings for its own users.
 *
 * Not through the table of routes of the API: it has a wire form of its own and is asked often.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { appTable } from '../../core/app/rows.ts'
import type { PersonId } from '../../core/base/ids.ts'
import type { Json } from '../../core/base/json.ts'
import { Problem, problemOf } from '../../core/base/problem.ts'
import type { LedgerWorld } from '../../core/ledger/record.ts'
import { type Decision, decide } from '../../core/policy/decide.ts'
import { recordDenial } from '../../core/policy/record.ts'
import type { TaskToken } from '../../core/token/verify.ts'
import { isJson, readBytes, readJson } from '../api/body.ts'
import { checkShown, shownIn } from '../api/caller.ts'
import { problemFrom, sendJson, sendProblem } from '../api/oauth/answer.ts'
import type { ApiWorld } from '../api/world.ts'
import { bounds } from './bounds.ts'
import { type Asker, answerAll, answerOne, type DecisionWorld, rulesOf } from './decide.ts'
import { readEvaluation, readEvaluations, readSearch, type SearchFor } from './form.ts'
import { search } from './search.ts'

type Ours = 'issuer' | 'installationThing' | 'proofs' | 'log'

export interface AuthzenWorld extends DecisionWorld, LedgerWorld, Pick<ApiWorld, Ours> {
  /** Null for what is no task token; Problem `token-refused` for one that does not stand. */
  readonly readTask: (token: string) => Promise<Omit<TaskToken, 'tokenId'> | null>
  readonly verifyPerson: (token: string) => Promise<{ personId: PersonId; boundTo: string | null }>
}

/** Answers true when the request was ours and is answered. */
export function mountAuthzen(world: AuthzenWorld) {
  return async (req: IncomingMessage, res: ServerResponse): Promise<boolean> => {
    const place = placeOf((req.url ?? '').split('?', 1)[0] ?? '')
    if (place === undefined) return false
    try {
      echoRequestId(req, res)
      const isGet = place.what === 'metadata'
      if (req.method !== (isGet ? 'GET' : 'POST')) {
        res.setHeader('Allow', isGet ? 'GET' : 'POST')
        throw new Problem('method-not-allowed', { detail: `This takes ${isGet ? 'GET' : 'POST'}.` })
      }
      const body = isGet ? metadata(world.issuer, place.slug) : await answer(world, place, req)
      sendJson(res, { status: 200, body })
    } catch (thrown) {
      // What was not read of a body can not be skipped safely.
      if (!req.complete) res.setHeader('Connection', 'close')
      sendProblem(
        res,
        problemFrom(thrown, door => world.log({ door })),
      )
    }
    return true
  }
}

type What = 'metadata' | 'evaluation' | 'evaluations' | `search/${SearchFor}`

interface Place {
  readonly what: What
  /** Of the app whose rules are asked. */
  readonly slug: string | null
}

const wellKnown = '/.well-known/authzen-configuration'
const places =
  /^(?:\/apps\/([a-z0-9-]{1,60}))?\/access\/v1\/(evaluations?|search\/(?:subject|resource|action))$/

function placeOf(path: string): Place | undefined {
  if (path === wellKnown) return { what: 'metadata', slug: null }
  const told = /^\/apps\/([a-z0-9-]{1,60})$/.exec(path.slice(wellKnown.length))
  if (path.startsWith(wellKnown) && told !== null)
    return { what: 'metadata', slug: told[1] ?? null }
  const [, slug = null, what] = places.exec(path) ?? []
  return what === undefined ? undefined : { what: what as What, slug }
}

/** §9.1. Says nothing of whether such an app is there. */
function metadata(issuer: string, slug: string | null) {
  const base = slug === null ? issuer : `${issuer}/apps/${slug}`
  const asked = {
    policy_decision_point: base,
    access_evaluation_endpoint: `${base}/access/v1/evaluation`,
    access_evaluations_endpoint: `${base}/access/v1/evaluations`,
  }
  if (slug === null) return asked
  return {
    ...asked,
    search_subject_endpoint: `${base}/access/v1/search/subject`,
    search_resource_endpoint: `${base}/access/v1/search/resource`,
    search_action_endpoint: `${base}/access/v1/search/action`,
  }
}

async function answer(world: AuthzenWorld, { what, slug }: Place, req: IncomingMessage) {
  const asker = await askerOf(world, req, slug)
  const body = await bodyOf(req)
  if (what === 'evaluation') return answerOne(world, asker, readEvaluation(body))
  if (what === 'evaluations') {
    const list = readEvaluations(body)
    if (list === null) return answerOne(world, asker, readEvaluation(body))
    return { evaluations: await answerAll(world, asker, list) }
  }
  if (asker.appId === null) throw problemOf('own-rules-not-searched')
  const kind = what.slice('search/'.length) as SearchFor
  return search(rulesOf(world, asker.appId), readSearch(body, kind))
}

/** A workload of the app, or a person who may read its log; of ours, who may read the whole log. */
async function askerOf(
  world: AuthzenWorld,
  req: IncomingMessage,
  slug: string | null,
): Promise<Asker> {
  const shown = shownIn(req, world.issuer)
  if (shown === undefined) throw problemOf('caller-unknown')
  const app = slug === null ? undefined : world.replica.by(appTable, 'slug', slug)[0]
  const task = await world.readTask(shown.token)
  if (task !== null) {
    await checkShown(world.proofs, shown, task)
    const { identityId, taskId, appId } = task
    if (slug !== null && app?.id !== appId) throw noSuchApp(slug)
    return { actor: { kind: 'identity', id: identityId, taskId }, appId: app?.id ?? null }
  }
  const person = await world.verifyPerson(shown.token)
  await checkShown(world.proofs, shown, person)
  const { personId } = person
  const actor = { kind: 'person', id: personId } as const
  if (slug !== null && app === undefined) throw noSuchApp(slug)
  const about = app === undefined ? world.installationThing() : { type: 'app' as const, id: app.id }
  const reading: Decision<'log.read'> = decide(world, { actor, action: 'log.read', about })
  if (reading.allowed) return { actor, appId: app?.id ?? null }
  await recordDenial(world, reading.record)
  if (slug !== null) throw noSuchApp(slug)
  const { says: detail, wouldPassIf: next } = reading.denial
  throw new Problem('denied', { detail, next })
}

/** Somebody else's app is as one that is not there. */
function noSuchApp(slug: string): Problem {
  return new Problem('not-found', { detail: `There is no app \`${slug}\` you may ask for.` })
}

async function bodyOf(req: IncomingMessage): Promise<Json> {
  if (!isJson(req.headers['content-type']))
    // The standard knows 400 alone for what can not be read (§10.1.1).
    throw problemOf('body-not-json-here', { field: 'content-type' })
  return readJson(await readBytes(req.iterator({ destroyOnReturn: false }), bounds.bodyBytes))
}

/** §10.1.2: the caller's own name for a request comes back with its answer. */
function echoRequestId(req: IncomingMessage, res: ServerResponse): void {
  const id = req.headers['x-request-id']
  if (typeof id !== 'string') return
  const { requestIdChars } = bounds
  if (!/^[\x21-\x7e]*$/.test(id) || id.length > requestIdChars)
    throw problemOf('request-id-not-visible', { requestIdChars, field: 'X-Request-ID' })
  res.setHeader('X-Request-ID', id)
}
