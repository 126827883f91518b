/**
 * E-mail: one to each person concerned who has an address. Plain text and the same as HTML, without a picture, a
 * style or anything that is fetched. TLS always, but on this machine.
 */
import { z } from 'zod'
import { product } from '../../src/core/base/product.ts'
import type { Channel, Message } from '../common/channel.ts'
import { common, isLocal, type ReadSecret, secretFile } from '../common/file.ts'

const mailAddress = z
  .string()
  .max(254)
  .regex(/^[^\s@<>",;:\\()[\]]+@[a-z0-9.-]+$/i, {
    error: 'is an e-mail address and nothing else',
  })

export const emailShape = z.strictObject({
  ...common,
  type: z.literal('email'),
  server: z.string().max(300).refine(isServer, {
    error:
      'is `smtps://HOST[:PORT]`, or `smtp://HOST[:PORT]` (with STARTTLS), without user or path',
  }),
  from: mailAddress,
  /** Holds `USER:PASSWORD`; left out: the server takes it from us as we are. */
  credential: secretFile.optional(),
})
type Given = z.infer<typeof emailShape>

function isServer(text: string): boolean {
  const url = URL.parse(text)
  if (url === null || !['smtp:', 'smtps:'].includes(url.protocol) || url.hostname === '')
    return false
  return (
    url.username + url.password + url.search + url.hash === '' && ['', '/'].includes(url.pathname)
  )
}

export function emailChannel(given: Given, { secret }: { secret: ReadSecret }): Channel {
  const held = given.credential && secret(given.credential, /^[^:\s]{1,200}:[\x21-\x7e]{1,500}$/)
  return {
    name: given.name,
    kinds: given.kinds,
    reaches: 'people',
    updates: false,
    tell: async (message, signal) => {
      const address = mailAddress.safeParse(message.to?.email).data
      if (address === undefined) return null
      await send(
        transportOf(given.server, held),
        { ...mailOf(given.from, message), to: address },
        signal,
      )
      return message.id
    },
  }
}

function transportOf(server: string, held: string | undefined) {
  const { protocol, hostname, port } = new URL(server)
  const secure = protocol === 'smtps:'
  const at = held?.indexOf(':') ?? 0
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? (secure ? 465 : 587) : Number(port),
    secure,
    // Nothing is sent where the server does not offer it, or is not who it says.
    requireTLS: !secure && !isLocal(hostname),
    ignoreTLS: !secure && isLocal(hostname),
    ...(held !== undefined && { auth: { user: held.slice(0, at), pass: held.slice(at + 1) } }),
    connectionTimeout: 8_000,
    greetingTimeout: 8_000,
    socketTimeout: 8_000,
    dnsTimeout: 8_000,
    disableFileAccess: true,
    disableUrlAccess: true,
  }
}

/** RFC 5322, RFC 3834. Each is sent under one id, so that who gets it twice may show it once. */
export function mailOf(from: string, { id, thread, title, text, step, link }: Message) {
  const host = from.slice(from.lastIndexOf('@') + 1)
  const idOf = (name: string) => `<${name.replaceAll(/[^\w.-]/g, '-')}@${host}>`
  return {
    from: { name: product.name, address: from },
    subject: title,
    messageId: idOf(id),
    references: idOf(thread),
    headers: { 'Auto-Submitted': 'auto-generated' },
    text: `${text}\n\n${step}:\n${link}\n\nThis is sent by a program. Nothing is answered by e-mail.\n`,
    html: `<p>${html(text)}</p><p><a href="${html(link)}">${html(step)}</a></p><p>This is sent by a program. Nothing is answered by e-mail.</p>`,
  }
}

function html(text: string): string {
  const named = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
  return text.replaceAll(/[&<>"']/g, sign => named[sign as keyof typeof named])
}

/** The library is loaded by who sends, since most do not. What a server says of an address is shown to nobody. */
async function send(
  transport: ReturnType<typeof transportOf>,
  mail: ReturnType<typeof mailOf> & { to: string },
  signal: AbortSignal,
): Promise<void> {
  const { createTransport } = await import('nodemailer')
  const opened = createTransport(transport)
  const late = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error('late')), { once: true })
  })
  const failed = await Promise.race([opened.sendMail(mail), late])
    .then(() => null, codeOf)
    .finally(() => opened.close())
  if (failed === null) return
  if (signal.aborted) throw new Error('It did not answer in time.')
  throw new Error(`It did not take the mail (${failed}).`)
}

/** Of what was thrown, what holds no address. */
function codeOf(thrown: unknown): string {
  const { code, responseCode } = thrown as { code?: unknown; responseCode?: unknown }
  const says = [code, responseCode].filter(each => /^[A-Z]{3,12}$|^[45]\d\d$/.test(String(each)))
  return says.join(' ')
}
