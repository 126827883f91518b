/**
 * A token exchange on the wire (RFC 8693): the form is read once at the door, and what was issued is
 * written. Pure. Whether anything is issued is the core's.
 */
import type { JsonObject } from '../../core/base/json.ts'
import { Problem, problemOf } from '../../core/base/problem.ts'
import { safeText } from '../../core/base/text.ts'
import type { ExchangeRequest, IssuedToken } from '../../core/token/exchange.ts'

const grantType = 'urn:ietf:params:oauth:grant-type:token-exchange'
const typeBase = 'urn:ietf:params:oauth:token-type:'
const subjectTypes = ['jwt', 'id_token', 'access_token'].map(name => typeBase + name)
const accessTokenType = `${typeBase}access_token`
const actorType = 'actor_token_type'

/**
 * `audiences` are those served here, the first where none is named. Problems name the parameter:
 * `unsupported-grant`, `bad-request`, `invalid-scope`, `invalid-target`. Each parameter was sent once
 * (RFC 6749 §3.2); what is not known is passed over (§3.2).
 */
export function parseExchange(
  form: ReadonlyMap<string, string>,
  audiences: readonly string[],
): ExchangeRequest {
  const subjectToken = checkForm(form)
  return {
    subjectToken,
    purpose: parsePurpose(form.get('scope')),
    audience: parseAudience(form, audiences),
    identity: form.get('identity'),
    run: parseRun(form.get('run')),
  }
}

/** What every exchange has. Answers with the subject token. */
function checkForm(form: ReadonlyMap<string, string>): string {
  if (form.get('grant_type') !== grantType)
    throw problemOf('grant-type-unknown', { grantType, field: 'grant_type' })
  const subjectToken = form.get('subject_token') ?? ''
  if (subjectToken === '') throw bad('subject_token', 'Send the token that says who you are.')
  if (!subjectTypes.includes(form.get('subject_token_type') ?? ''))
    throw bad('subject_token_type', `It must be one of ${subjectTypes.join(', ')}.`)
  if ((form.get('requested_token_type') ?? accessTokenType) !== accessTokenType)
    throw bad('requested_token_type', `Only ${accessTokenType} is given.`)
  // Who acts is asked for by their own token, and its type said (§2.1), or not at all.
  if (form.has(actorType) && !form.has('actor_token'))
    throw bad(actorType, 'It is sent with an `actor_token`, and not without one.')
  return subjectToken
}

export type Delegation = NonNullable<ReturnType<typeof parseDelegation>>

/** Undefined for an exchange that is no delegation. Problems as for `parseExchange`. */
export function parseDelegation(form: ReadonlyMap<string, string>, audiences: readonly string[]) {
  const [token = '', to = '', own] = ['subject_token', 'audience', 'actor_token'].map(name =>
    form.get(name),
  )
  if (own === undefined && !to.startsWith('spiffe://')) return undefined
  const types = own === undefined ? ['subject_token_type'] : ['subject_token_type', actorType]
  const odd = types.find(name => form.get(name) !== accessTokenType)
  if (odd !== undefined) throw bad(odd, `It must be ${accessTokenType}: a token of a task.`)
  checkForm(form)
  // By its own token, who works lets the identity `to` work for its task.
  if (own === undefined) return { step: 'hand-on', own: token, to } as const
  parseAudience(form, audiences)
  const purpose = parsePurpose(form.get('scope'))
  // With its own token as the actor's, that one takes up what was `handed` on.
  return { step: 'take-up', own, handed: token, purpose } as const
}

/** The wire form (RFC 8693 §2.2.1). */
export function writeIssued({ accessToken, expiresIn, purpose, isBound }: IssuedToken): JsonObject {
  return {
    access_token: accessToken,
    issued_token_type: accessTokenType,
    token_type: isBound ? 'DPoP' : 'Bearer',
    expires_in: expiresIn,
    scope: purpose,
  }
}

/** RFC 6749 §3.3: one scope token. A token is for one purpose. */
function parsePurpose(text: string | undefined): string {
  if (text !== undefined && /^[\x21\x23-\x5b\x5d-\x7e]{1,80}$/.test(text)) return text
  throw problemOf('scope-not-one-purpose', { field: 'scope' })
}

/** Long enough that nobody meets another's by chance. */
function parseRun(text: string | undefined): string | undefined {
  if (text === undefined || /^[\w-]{16,64}$/.test(text)) return text
  throw bad('run', 'It must be 16 to 64 letters, digits, `-` or `_`, made anew for each run.')
}

/** RFC 8693 §2.1 and RFC 8707: by name or by address, and one of them. */
function parseAudience(form: ReadonlyMap<string, string>, audiences: readonly string[]): string {
  const named = [form.get('audience'), form.get('resource')].filter(each => each !== undefined)
  const [wanted = audiences[0]] = named
  if (wanted !== undefined && audiences.includes(wanted) && named.every(each => each === wanted))
    return wanted
  const [audience, names] = [safeText(named.join(' ')), audiences.join(', ')]
  throw problemOf('audience-not-served', { audience, names, field: 'audience' })
}

function bad(field: string, detail: string): Problem {
  return new Problem('bad-request', { field, detail: `\`${field}\`: ${detail}` })
}
