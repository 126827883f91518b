/**
 * The client's side of a sign-in, for a session that is let through: as the lease, over TLS where the
 * target has it. `links.ts` signs in for ourselves, by the driver; a driver does not give its
 * connection away.
 */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { isIP, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import { equalInConstantTime } from '../../src/core/base/hash.ts'
import { Problem } from '../../src/core/base/problem.ts'
import { bounds } from './bounds.ts'
import type { PostgresConfig } from './config.ts'
import type { Caller, Settings } from './let-in.ts'
import type { SignIn } from './links.ts'
import { type Exchange, mechanism, proofOf, scramKeys, serverSignature } from './scram.ts'
import { Broken, codes, firstMessage, type Message, message, Reader, stateIn } from './wire.ts'

/** A session at the target, just before its first question. */
export interface Session {
  readonly target: Duplex
  /** What the server said of itself, as the caller must be told it. */
  readonly greeting: readonly Buffer[]
  /** Stops what the session is doing; never throws and waits for nobody. */
  readonly cancel: () => void
}

/** The server said no in its own words, which name nothing but the session: the caller may see them. */
export class Told extends Error {
  readonly bytes: Buffer

  constructor(body: Buffer) {
    super('the target refused')
    this.bytes = message('E', body)
  }
}

/** Throws `Problem` or `Told`, or whatever says that nobody answered; then nothing stays open. */
export async function openSession(
  config: PostgresConfig,
  who: SignIn,
  settings: Settings,
  signal: AbortSignal,
): Promise<Session> {
  signal.throwIfAborted()
  const target = await reach(config, signal)
  try {
    const { user, database, password } = who
    const asked = [...settings].flat()
    target.write(
      firstMessage(codes.protocol, 'user', user, 'database', database, ...asked, Buffer.alloc(1)),
    )
    const says = new Reader(target)
    await prove({ says, hears: target }, password, signal)
    const { greeting, key } = await hearGreeting(says, signal)
    says.release()
    return { target, greeting, cancel: () => void cancelAt(config, key) }
  } catch (thrown) {
    target.destroy()
    throw thrown
  }
}

/** RFC 5802 from a client. INVARIANT: the password is proven, never sent, and only to who knows it too. */
async function prove(
  { says, hears }: Caller,
  password: string,
  signal: AbortSignal,
): Promise<void> {
  const offered = await readAuth(says, 10, signal)
  if (!offered.toString('latin1').split('\0').includes(mechanism)) throw otherWay()
  const nonce = randomBytes(18).toString('base64')
  const clientFirst = `n=,r=${nonce}`
  const first = Buffer.from(`n,,${clientFirst}`)
  hears.write(message('p', mechanism, first.length, first))
  const serverFirst = (await readAuth(says, 11, signal)).toString('latin1')
  const [, both = '', salt = '', count = ''] =
    /^r=([\x21-\x2b\x2d-\x7e]+),s=([A-Za-z0-9+/=]+),i=(\d{1,7})$/.exec(serverFirst) ?? []
  const iterations = Number(count)
  if (!both.startsWith(nonce) || both === nonce) throw new Broken('another nonce')
  if (iterations < 1 || iterations > bounds.saslRounds) throw new Broken('that many rounds')
  const clientFinal = `c=biws,r=${both}`
  const exchange: Exchange = { clientFirst, serverFirst, clientFinal }
  const keys = await scramKeys(password, Buffer.from(salt, 'base64'), iterations)
  const proof = proofOf(keys, exchange).toString('base64')
  hears.write(message('p', Buffer.from(`${clientFinal},p=${proof}`)))
  const answer = (await readAuth(says, 12, signal)).toString('latin1')
  // Who does not know the password can not say this, and is not believed.
  const expected = `v=${serverSignature(keys, exchange).toString('base64')}`
  if (!equalInConstantTime(answer, expected)) throw otherWay()
  await readAuth(says, 0, signal)
}

/** One step of a sign-in, and no other: a server that lets in without a password is refused. */
async function readAuth(says: Reader, step: number, signal: AbortSignal): Promise<Buffer> {
  const { type, body } = await says.message(bounds.greetingBytes, signal)
  if (type === 'E') throw refusalOf(body)
  if (type !== 'R' || body.length < 4 || body.readInt32BE(0) !== step) throw otherWay()
  return body.subarray(4)
}

async function hearGreeting(
  says: Reader,
  signal: AbortSignal,
): Promise<{ greeting: Buffer[]; key: Buffer }> {
  const greeting: Buffer[] = []
  let key: Buffer = Buffer.alloc(0)
  for (let count = 0; count < bounds.greetingMessages; count++) {
    const said: Message = await says.message(bounds.greetingBytes, signal)
    if (said.type === 'E') throw refusalOf(said.body)
    if (said.type === 'Z') return { greeting, key }
    // The target's key never reaches a caller: it would open a way round us.
    if (said.type === 'K') key = said.body
    else greeting.push(message(said.type, said.body))
  }
  throw new Broken('a greeting without end')
}

/** A no to the credential says where we connect from; other words are about the session alone. */
function refusalOf(body: Buffer): Error {
  if (!stateIn(body).startsWith('28')) return new Told(body)
  return new Problem('target-refused', {
    detail: 'The database refuses the credential of this lease.',
    next: 'It was ended or changed there: ask for a new one.',
  })
}

async function reach(config: PostgresConfig, signal: AbortSignal): Promise<Duplex> {
  const { host, port, tls } = config
  const socket = new Socket()
  const cut = () => socket.destroy()
  signal.addEventListener('abort', cut, { once: true })
  try {
    socket.on('error', cut).connect({ host, port })
    const soon = AbortSignal.any([signal, AbortSignal.timeout(bounds.targetConnectMs)])
    await once(socket, 'connect', { signal: soon })
    socket.setNoDelay(true).setKeepAlive(true, 30_000)
    return tls === false ? socket : await secure(socket, { host, tls }, signal)
  } catch (thrown) {
    cut()
    throw thrown
  } finally {
    signal.removeEventListener('abort', cut)
  }
}

/** ATTACKER: bytes that came before the handshake would be taken for the server's. */
async function secure(
  socket: Socket,
  { host, tls }: Pick<PostgresConfig, 'host' | 'tls'>,
  signal: AbortSignal,
): Promise<Duplex> {
  socket.write(firstMessage(codes.ssl))
  const says = new Reader(socket)
  const answer = await says.bytes(1, signal)
  says.release()
  if (answer.toString('latin1') !== 'S' || socket.readableLength > 0)
    throw new Problem('target-refused', {
      detail: 'The database does not speak TLS on this path.',
      next: 'Turn it on there, or connect the target again with `tls` false.',
    })
  const name = isIP(host) === 0 ? { servername: host } : {}
  const authority = typeof tls === 'object' ? tls : {}
  const secured = connectTls({ socket, host, ...name, ...authority, rejectUnauthorized: true })
  secured.on('error', () => secured.destroy())
  await once(secured, 'secureConnect', { signal })
  return secured
}

async function cancelAt(config: PostgresConfig, key: Buffer): Promise<void> {
  try {
    const signal = AbortSignal.timeout(bounds.targetConnectMs)
    const target = await reach(config, signal)
    target.on('end', () => target.destroy()).resume()
    target.end(firstMessage(codes.cancel, key))
    signal.addEventListener('abort', () => target.destroy(), { once: true })
  } catch {
    // A target that can not be reached has nothing to stop, or ends it as its clients go.
  }
}

function otherWay(): Problem {
  return new Problem('target-refused', {
    detail: `The database does not ask for ${mechanism} on this path, or does not know this password.`,
    next: 'Set scram-sha-256 in pg_hba.conf for this path: see docs/connectors/postgres.md.',
  })
}
