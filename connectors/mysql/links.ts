/**
 * Sessions at one server: one of our own for each call, and sign-ins that only try whether a credential
 * is accepted. Knows nothing of leases.
 *
 * INVARIANT: nothing waits longer than its signal, and when it is over its session is: the server then
 * lets go of the locks it held. No session is shared, so ending never waits for one that issuing has.
 */
import type { ConnectionOptions } from 'mysql2'
import { limits } from '../../src/core/base/limits.ts'
import type { Clock } from '../../src/core/base/time.ts'
import type { Account } from '../rest/server.ts'
import { bounds } from './bounds.ts'
import type { MysqlConfig } from './config.ts'
import { code, codeOf, explain } from './trouble.ts'

/** With parameters the text is prepared at the server: the driver never puts one into a text. */
export type Sql = <Row>(text: string, params?: readonly string[]) => Promise<Row[]>

/** Whether the path let somebody in. `unclear`: it did not come to an answer about the credential. */
export interface Reply {
  readonly says: 'accepted' | 'refused' | 'unclear'
  readonly because?: string
}

/** What one call on a target works with: all of it is over when the call's signal says so. */
export interface Call {
  readonly config: MysqlConfig
  readonly clock: Pick<Clock, 'now'>
  readonly signal: AbortSignal
  /** Throws `Problem` only. */
  use<T>(work: (sql: Sql) => Promise<T>): Promise<T>
  /** `meanwhile` runs with the session open; what it throws is thrown. */
  signIn(who: Account, meanwhile?: (sql: Sql) => Promise<void>): Promise<Reply>
}

/** A mode in which our literals mean what they say, and no wait without end. */
const sessionText = `set session sql_mode = 'STRICT_ALL_TABLES', autocommit = 1,
  lock_wait_timeout = ${bounds.targetLockSeconds},
  max_statement_time = ${limits.targetCallMs / 1000}, wait_timeout = ${limits.targetCallMs / 500}`

export function openCall(
  config: MysqlConfig,
  clock: Pick<Clock, 'now'>,
  within: AbortSignal,
): Call {
  const signal = AbortSignal.any([within, AbortSignal.timeout(limits.targetCallMs)])
  return {
    config,
    clock,
    signal,
    async use(work) {
      try {
        return await withSession(config, config, signal, async sql => {
          await sql(sessionText)
          return work(sql)
        })
      } catch (thrown) {
        throw explain(thrown instanceof Unreached ? thrown.cause : thrown)
      }
    },
    async signIn(who, meanwhile = async () => {}) {
      try {
        await withSession(config, who, signal, meanwhile)
        return { says: 'accepted' }
      } catch (thrown) {
        if (thrown instanceof Unreached) return readRefusal(thrown.cause)
        throw thrown
      }
    },
  }
}

/** As people and evidence name it. */
export function pathTo({ host, port, tls }: MysqlConfig): string {
  return `tcp ${host}:${port} mysql_native_password${tls === false ? '' : ' tls'}`
}

/** No session came to be; `cause` says why. */
class Unreached extends Error {}

async function withSession<T>(
  config: MysqlConfig,
  who: Account,
  signal: AbortSignal,
  work: (sql: Sql) => Promise<T>,
): Promise<T> {
  // Loaded when a MariaDB is first asked: most installations have none.
  const { default: mysql } = await import('mysql2')
  if (signal.aborted) throw new Unreached('', { cause: signal.reason })
  const session = mysql.createConnection(addressOf(config, who))
  // A stopped server would end our process otherwise.
  session.on('error', () => {})
  try {
    await until<void>(signal, done => session.connect(error => done(error)))
  } catch (cause) {
    session.destroy()
    throw new Unreached('', { cause })
  }
  try {
    return await work((text, params) =>
      until(signal, done =>
        params === undefined ? session.query(text, done) : session.execute(text, [...params], done),
      ),
    )
  } finally {
    // The goodbye is not waited for; a server that does not answer it, or is at work, is cut off.
    if (signal.aborted) session.destroy()
    else session.end(() => session.destroy())
    setTimeout(() => session.destroy(), bounds.targetConnectMs).unref()
  }
}

/**
 * The password is checked before the lock and the number of sessions: these codes tell. Where the
 * account is locked the credential opens nothing, whatever it is.
 */
function readRefusal(thrown: unknown): Reply {
  const because = explain(thrown).log ?? 'no reason given'
  const number = codeOf(thrown)
  if (number === code.tooManyOfUser) return { says: 'accepted', because }
  const isRefused = [code.badPassword, code.noPassword, code.locked].some(each => each === number)
  return { says: isRefused ? 'refused' : 'unclear', because }
}

function addressOf({ host, port, tls }: MysqlConfig, who: Account): ConnectionOptions {
  const authority = typeof tls === 'object' ? { ca: tls.ca } : {}
  // Without `verifyIdentity` any certificate of the authority would do.
  const ssl = { ...authority, rejectUnauthorized: true, verifyIdentity: true }
  return {
    host,
    port,
    user: who.user,
    password: who.password,
    ...(tls === false ? {} : { ssl }),
    connectTimeout: bounds.targetConnectMs,
    // ATTACKER: a server may ask its client for a file.
    flags: ['-LOCAL_FILES'],
  }
}

/** A destroyed session of this driver never answers: what waits for one goes on by its signal. */
function until<T>(
  signal: AbortSignal,
  start: (done: (error: Error | null, value?: unknown) => void) => void,
): Promise<T> {
  signal.throwIfAborted()
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason as Error)
    signal.addEventListener('abort', abort, { once: true })
    start((error, value) => {
      signal.removeEventListener('abort', abort)
      if (error === null) resolve(value as T)
      else reject(error)
    })
  })
}
