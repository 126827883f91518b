/** A pretend program on loopback that takes webhooks; it can refuse, hang, point elsewhere and answer without end. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

export interface Received {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  // oxlint-disable-next-line typescript/no-explicit-any -- a test reads whatever the wire says
  readonly event: any
}

export interface WebhookReceiver {
  readonly address: string
  readonly received: Received[]
  /** A status; or it takes what comes and never answers; or answers for ever. */
  answers: number | 'never' | 'endlessly'
  kinds(): string[]
  close(): Promise<void>
}

export async function startWebhookReceiver(): Promise<WebhookReceiver> {
  const server = createServer((req, res) => {
    void text(req).then(body => {
      const headers = req.headers as Record<string, string>
      receiver.received.push({ headers, body, event: body === '' ? null : JSON.parse(body) })
      if (receiver.answers === 'never') return
      if (receiver.answers === 'endlessly') {
        res.writeHead(200)
        const more = () => !res.destroyed && res.write('x'.repeat(65_536)) && setImmediate(more)
        res.on('drain', more)
        return more()
      }
      res.writeHead(receiver.answers, { location: `${receiver.address}/elsewhere` }).end('taken')
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const receiver: WebhookReceiver = {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    received: [],
    answers: 204,
    kinds: () => receiver.received.map(({ event }) => event.type),
    async close() {
      server.closeAllConnections()
      await new Promise(done => server.close(done))
    },
  }
  return receiver
}
