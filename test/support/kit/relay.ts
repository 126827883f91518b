/** A network between us and a target, of bytes: it can be slow, break off at a step, or say nothing. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface Relay {
  readonly port: number
  /** Each piece of bytes waits so long, in both directions. */
  delayMs: number
  /** Takes everything and passes nothing on. */
  isMute: boolean
  /** Breaks everything off once the n-th piece from us was delivered: its answer is lost. */
  breakAfter: number
  /** Pieces that went from us to the target. */
  readonly sent: () => number
  close(): void
}

export async function startRelay(toPort: number): Promise<Relay> {
  const open = new Set<Socket>()
  let sent = 0
  let isBroken = false
  const later = (act: () => unknown) => (relay.delayMs > 0 ? setTimeout(act, relay.delayMs) : act())
  const server = createServer({ allowHalfOpen: true }, caller => {
    if (isBroken) return void caller.destroy()
    const target = relay.isMute
      ? undefined
      : connect({ port: toPort, host: '127.0.0.1', allowHalfOpen: true })
    for (const each of target ? [caller, target] : [caller]) {
      open.add(each)
      each.on('error', () => {})
      each.on('close', () => open.delete(each))
    }
    caller.on('data', (bytes: Buffer) => {
      sent++
      if (sent === relay.breakAfter) isBroken = true
      const isLast = isBroken
      later(() => target?.write(bytes, () => isLast && breakOff()))
    })
    target?.on('data', (bytes: Buffer) => later(() => isBroken || caller.write(bytes)))
    caller.on('end', () => later(() => target?.end()))
    target?.on('end', () => later(() => caller.end()))
  })
  const breakOff = () => {
    for (const each of open) each.destroy()
  }
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const relay: Relay = {
    port: (server.address() as AddressInfo).port,
    delayMs: 0,
    isMute: false,
    breakAfter: 0,
    sent: () => sent,
    close() {
      breakOff()
      server.close()
    },
  }
  return relay
}
