/** A pretend mail server on loopback: SMTP (RFC 5321) as far as somebody who hands in a mail needs it. */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { createInterface } from 'node:readline'

export interface Mail {
  readonly from: string
  readonly to: readonly string[]
  readonly headers: Readonly<Record<string, string>>
  readonly raw: string
}

export interface MailServer {
  readonly address: string
  readonly mails: Mail[]
  /** `AUTH PLAIN` as it came, decoded. */
  readonly signedIn: string[]
  /** Answered to a recipient; 250 takes it. */
  answers: number
  close(): Promise<void>
}

export async function startMailServer(): Promise<MailServer> {
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    // Who breaks off has handed in nothing.
    serve(mail, socket).catch(() => socket.destroy())
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const mail: MailServer = {
    address: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    mails: [],
    signedIn: [],
    answers: 250,
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise(done => server.close(done))
    },
  }
  return mail
}

async function serve(mail: MailServer, socket: Socket): Promise<void> {
  const say = (line: string) => socket.write(`${line}\r\n`)
  say('220 pretend ESMTP')
  let from = ''
  let to: string[] = []
  let data: string[] | null = null
  for await (const line of createInterface({
    input: socket,
    crlfDelay: Number.POSITIVE_INFINITY,
  })) {
    if (data !== null) {
      if (line !== '.') data.push(line.replace(/^\./, ''))
      else {
        mail.mails.push({ from, to, headers: headersOf(data), raw: data.join('\n') })
        data = null
        say('250 taken')
      }
      continue
    }
    const [verb = ''] = line.toUpperCase().split(' ')
    const inside = /<([^>]*)>/.exec(line)?.[1] ?? ''
    if (verb === 'EHLO') say('250-pretend\r\n250 AUTH PLAIN')
    else if (verb === 'AUTH') {
      mail.signedIn.push(Buffer.from(line.split(' ')[2] ?? '', 'base64').toString())
      say('235 welcome')
    } else if (verb === 'MAIL') {
      from = inside
      to = []
      say('250 go on')
    } else if (verb === 'RCPT') {
      if (mail.answers === 250) to.push(inside)
      say(`${mail.answers} ${mail.answers === 250 ? 'go on' : `no, not ${inside}`}`)
    } else if (verb === 'DATA') {
      data = []
      say('354 go on')
    } else {
      say(verb === 'QUIT' ? '221 bye' : '250 fine')
      if (verb === 'QUIT') socket.end()
    }
  }
}

/** Folded lines joined (RFC 5322, 2.2.3); a header that is there twice is joined, so that a test sees it. */
function headersOf(lines: readonly string[]): Record<string, string> {
  const head = lines
    .slice(0, lines.indexOf(''))
    .join('\n')
    .replaceAll(/\n[ \t]/g, ' ')
  const found: Record<string, string> = {}
  for (const line of head.split('\n')) {
    const name = line.slice(0, line.indexOf(':')).toLowerCase()
    const value = line.slice(line.indexOf(':') + 1).trim()
    found[name] = name in found ? `${found[name]} AND ${value}` : value
  }
  return found
}
