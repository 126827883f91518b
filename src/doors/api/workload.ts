/** Workloads at the OAuth endpoints: exchange, introspection and revocation of task tokens. */

import type { IncomingMessage } from 'node:http'
import { isProblem, problemOf } from '../../core/base/problem.ts'
import { product } from '../../core/base/product.ts'
import type { Actor } from '../../core/policy/question.ts'
import { recordDenial } from '../../core/policy/record.ts'
import { handOn, takeUp } from '../../core/token/delegate.ts'
import { type ExchangeAnswer, type ExchangeWorld, exchange } from '../../core/token/exchange.ts'
import { revokeToken } from '../../core/token/revoke.ts'
import { readTaskToken, type VerifyWorld } from '../../core/token/verify.ts'
import { shortId } from '../../life/lists/short-id.ts'
import * as forms from '../../life/token/form.ts'
import { introspect } from '../../life/token/introspect.ts'
import { type CallerWorld, checkShown, placeOf, shownIn, verifyShown } from './caller.ts'
import type { OauthAnswer } from './oauth/answer.ts'
import type { WorkloadEndpoints } from './oauth/endpoints.ts'
import type { Form } from './oauth/request.ts'
import type { ApiWorld } from './world.ts'

export type WorkloadWorld = CallerWorld & ApiWorld & VerifyWorld & ExchangeWorld

export function workloadEndpoints(world: WorkloadWorld): WorkloadEndpoints {
  return {
    exchange: (form, req) => exchangeForm(world, form, req),
    introspect: async (form, req) => {
      const asker = await askerOf(world, req, form.get('token'))
      const body = introspect(world, { token: form.get('token') ?? '', asker })
      return body === undefined ? undefined : { status: 200, body }
    },
    revoke: async (form, req) => {
      const claims = readTaskToken(world, form.get('token') ?? '')
      if (claims === null) return undefined
      const actor = await askerOf(world, req, form.get('token')).catch((thrown: unknown) => {
        // §2.2: a token that is over is no error, and nobody's right is needed to end it.
        const isNobody = req.headers.authorization === undefined
        if (isNobody && isProblem(thrown, 'not-signed-in')) return undefined
        throw thrown
      })
      if (actor === undefined) return { status: 200, body: {} }
      const { tokenId, identityId } = claims
      const about = { type: 'token', id: tokenId, draft: { identityId } } as const
      const decision = world.decide({ actor, action: 'token.revoke', about })
      if (decision.allowed) await revokeToken(world, decision.permit, { tokenId })
      else await recordDenial(world, decision.record)
      // RFC 7009 §2.2: the answer does not tell what was known of the token.
      return { status: 200, body: {} }
    },
  }
}

async function exchangeForm(
  world: WorkloadWorld,
  form: Form,
  req: IncomingMessage,
): Promise<OauthAnswer> {
  const { dpop: proof } = req.headers
  // RFC 9449 §5: who shows a key here gets a token that is for its holder alone.
  const boundTo = proof && (await world.proofs.check(String(proof), placeOf(req, world.issuer)))
  const verifyPerson = async (token: string) => {
    const person = await world.verifyPerson(token)
    if (person.boundTo !== null && person.boundTo !== boundTo) throw notTheHolder
    return person
  }
  const delegation = forms.parseDelegation(form, [world.issuer])
  const answer =
    delegation === undefined
      ? await exchange(
          { ...world, verifyPerson },
          { ...forms.parseExchange(form, [world.issuer]), ...(boundTo && { boundTo }) },
        )
      : await delegate(world, delegation, boundTo || null)
  if (answer.kind === 'issued') {
    const body = {
      ...forms.writeIssued(answer.token),
      task: shortId('task', answer.token.row.taskId),
    }
    return { status: 200, body }
  }
  if (answer.kind === 'refused') {
    const { says, claim } = answer.refusal
    return { status: 400, body: { error: 'invalid_grant', error_description: says, claim } }
  }
  const { says, rule, wouldPassIf, decisionId } = answer.denial
  const decision = shortId('decision', decisionId)
  const said = `${says} (rule ${rule}) ${wouldPassIf}`
  const next = `${product.command} why ${decision}`
  return { status: 403, body: { error: 'access_denied', error_description: said, decision, next } }
}

/** Whoever delegates shows their own token, and its key where it is bound to one. */
async function delegate(
  world: WorkloadWorld,
  delegation: forms.Delegation,
  boundTo: string | null,
): Promise<ExchangeAnswer> {
  const holder = await world.verifyTask(delegation.own)
  if (holder.boundTo !== null && holder.boundTo !== boundTo) throw notTheHolder
  if (delegation.step === 'hand-on') return handOn(world, { holder, to: delegation.to })
  const { handed, purpose } = delegation
  return takeUp(world, { handed, holder, purpose, boundTo })
}

const notTheHolder = problemOf('proof-of-key-missing')

/** Who asks about a token: by one of ours, or its holder by the token itself, with its key where it is bound. */
async function askerOf(
  world: WorkloadWorld,
  req: IncomingMessage,
  token: string | undefined,
): Promise<Actor> {
  const proof = req.headers['dpop']?.toString()
  const own = { token: token ?? '', scheme: proof ? 'DPoP' : 'Bearer', proof }
  const shown = shownIn(req, world.issuer) ?? { ...placeOf(req, world.issuer), ...own }
  const caller = await verifyShown(world, shown).catch(unlessRefused)
  if (caller !== undefined) {
    await checkShown(world.proofs, shown, caller)
    return caller.actor
  }
  throw problemOf('bearer-missing')
}

function unlessRefused(thrown: unknown): undefined {
  if (!isProblem(thrown, 'token-refused')) throw thrown
}
