/**
 * What goes wrong at AWS, as problems that people can act on. INVARIANT: no text holds a credential or a
 * word of an answer; codes of AWS alone, and the code is the `log`.
 */
import { isProblem, Problem } from '../../src/core/base/problem.ts'
import { refusalsOf } from '../rest/client.ts'
import { page } from './config.ts'

export const refused = refusalsOf('AWS')

const busy = /^(Throttl|TooManyRequests|RequestLimitExceeded|RequestThrottl|SlowDown)/
/** Of our credential, or a session's. */
export const isOver = (code = '') =>
  /^(ExpiredToken|InvalidClientTokenId|UnrecognizedClient|InvalidAccessKeyId)$/.test(code)

/** Does it in the time of its signal, whatever a retry of the SDK waits for. */
export async function bounded<T>(
  action: string,
  signal: AbortSignal,
  work: Promise<T>,
): Promise<T> {
  try {
    return await inTime(signal, work)
  } catch (thrown) {
    throw problemOf(action, thrown)
  }
}

export async function inTime<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const stop = () => reject(unavailable('did not answer in time'))
  signal.addEventListener('abort', stop)
  if (signal.aborted) stop()
  try {
    return await Promise.race([promise, work])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/** What was asked for, or undefined where AWS has no such thing. */
export async function ifThere<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked
  } catch (thrown) {
    if (isCode(thrown, 'NoSuchEntity')) return undefined
    throw thrown
  }
}

export function isCode(thrown: unknown, ...codes: readonly string[]): boolean {
  return isProblem(thrown, 'target-refused') && codes.includes(thrown.log ?? '')
}

export function explain(thrown: unknown): string {
  return isProblem(thrown) ? thrown.detail : 'AWS answered something we do not know.'
}

export function unavailable(what: string, log = ''): Problem {
  const next = 'Try again; what was begun there is looked at and cleaned up.'
  return new Problem('target-unavailable', { detail: `AWS ${what}.`, next, log })
}

/** `next` tells a person what to change. */
export function no(code: string, detail: string, next = `Compare what we may do with ${page}.`) {
  return new Problem('target-refused', { detail, next, log: code })
}

function problemOf(action: string, thrown: unknown): Problem {
  if (isProblem(thrown)) return thrown
  const { name, $metadata } = Object(thrown) as { name?: unknown; $metadata?: unknown }
  const { httpStatusCode: status } = Object($metadata) as { httpStatusCode?: unknown }
  const code = /^[A-Za-z]{1,60}$/.test(String(name)) ? String(name).replace(/Exception$/, '') : ''
  if (busy.test(code)) return unavailable('has had too many requests from us', code)
  if (typeof status !== 'number') return unavailable('did not answer, or broke off', code)
  if (status >= 500 || code === 'IDPCommunicationError') return unavailable(`answered ${status}`)
  if (code === 'AccessDenied') {
    const next = `Add \`${action}\` to our policy, or to its boundary: ${page}.`
    return no(code, `AWS says that we have no right to \`${action}\`.`, next)
  }
  if (code === 'PackedPolicyTooLarge')
    return no(
      code,
      'AWS can not tell a session all these resources.',
      'Name fewer in the resource.',
    )
  const isOurs = isOver(code) || /^(Signature|Invalid|IDPRejected|IncompleteSig)/.test(code)
  if (isOurs) return no(code, `AWS does not take our credential (\`${code}\`).`)
  return no(code, `AWS refuses \`${action}\` (\`${code}\`).`)
}
