/**
 * Entra's token endpoint: our own tokens, by a secret or by a word of our issuer, and those of applications
 * of ours. What is sent there is never told.
 */
import { decodeJwt } from 'jose'
import { z } from 'zod'
import { isObject, type Json } from '../../src/core/base/json.ts'
import type { Clock } from '../../src/core/base/time.ts'
import { restClient } from '../rest/client.ts'
import { wordsOf } from '../rest/cloud.ts'
import type { Federation } from '../rest/federation.ts'
import { ownToken } from '../rest/own-token.ts'
import type { AzureConfig } from './config.ts'

export const name = 'Azure'
export const hosts = {
  login: 'login.microsoftonline.com',
  graph: 'graph.microsoft.com',
  arm: 'management.azure.com',
} as const
/** Those that tokens are for. */
export type Service = 'graph' | 'arm'
/** What Entra demands of a word, exactly. */
export const wordAudience = 'api://AzureADTokenExchange'
/** Said of what is new: the application, its secret, its trust, its principal. It passes. */
const notYet = [700016, 7000215, 70021, 700211, 700212, 700213, 7000229]

export const { refused, unavailable, explain, readAs, rest } = wordsOf(name)
/** How an application proves itself at Entra. */
export type Proof = Readonly<Record<string, string>>
export type Login = ReturnType<typeof openLogin>

export function openLogin(config: AzureConfig, clock: Pick<Clock, 'now'>, issuer?: Federation) {
  const ask = restClient(name, new URL(config.url ?? `https://${hosts.login}`))

  /** What Entra gives that application, or the number of its refusal. */
  async function askToken(
    { clientId, proof, service }: { clientId: string; proof: Proof; service: Service },
    signal: AbortSignal,
  ) {
    const scope = `https://${hosts[service]}/.default`
    const form = { client_id: clientId, grant_type: 'client_credentials', scope, ...proof }
    const path = `/${config.tenant}/oauth2/v2.0/token`
    const request = { method: 'POST', path, form, headers: {}, takes: [400, 401] } as const
    const { status, body } = await ask(request, signal)
    if (status >= 300) return { code: codeIn(body) }
    return readAs(givenShape, body)
  }

  const prove = async (subject: string): Promise<Proof> => {
    if (issuer === undefined)
      throw refused('This server has no issuer for outside systems.', 'Connect it with a secret.')
    const client_assertion_type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
    const word = await issuer.sign({ subject, audience: wordAudience })
    return { client_assertion_type, client_assertion: word }
  }

  const own = (service: Service) =>
    ownToken(name, clock, async signal => {
      const { clientId, clientSecret } = config
      const isOurs = clientSecret !== undefined
      const proof = isOurs
        ? { client_secret: clientSecret }
        : await prove(`connector/azure/${clientId}`)
      const got = await askToken({ clientId, proof, service }, signal)
      if ('code' in got) throw refused(`Entra does not take our credential (AADSTS${got.code}).`)
      return { token: got.access_token, seconds: got.expires_in }
    })
  return { issuer, askToken, prove, owns: { graph: own('graph'), arm: own('arm') } }
}

export const isNotYet = (code: number) => notYet.includes(code)

/** Entra's access tokens are signed words of its own; of ours we read whose it is and when it is over. */
export function isToken(secret: string | null): secret is string {
  return secret !== null && /^eyJ[\w-]{10,4000}\.[\w-]{10,8000}\.[\w-]{10,2000}$/.test(secret)
}

export function claimsOf(token: string): { readonly oid: string; readonly exp: number } {
  try {
    const { oid, exp = 0 } = decodeJwt(token)
    return { oid: typeof oid === 'string' && /^[0-9a-f-]{36}$/.test(oid) ? oid : '', exp }
  } catch {
    return { oid: '', exp: 0 }
  }
}

const givenShape = z.object({
  access_token: z.string().refine(isToken),
  expires_in: z.number().positive(),
})

/** `AADSTS` and a number. The words of an answer are not told. */
function codeIn(body: Json): number {
  const codes = isObject(body) ? body['error_codes'] : undefined
  const code = Array.isArray(codes) ? (codes as readonly Json[])[0] : undefined
  return typeof code === 'number' ? code : 0
}
