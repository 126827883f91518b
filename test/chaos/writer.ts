/**
 * A writer: takes leases, renews and releases them, and repeats with the same key what got no answer.
 * It remembers what was acknowledged; that, and the target's own list, is what the judge compares.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { type Client, Refused } from '../../demo/client.ts'
import type { IssuedLeaseView, LeaseView } from '../../src/doors/api/contract.ts'
import type { Rig } from './rig.ts'

export interface Acked {
  readonly issued: Map<string, string[]>
  /** Lease ids, once per acknowledged renewal. */
  readonly renewed: string[]
  readonly ended: Set<string>
}

export interface Tally {
  acked: number
  inFlight: number
  inFlightAtKill: number
  refused: Map<string, number>
}

export async function write(
  rig: Rig,
  input: { name: number; random: () => number; isOver: () => boolean; acked: Acked; tally: Tally },
): Promise<void> {
  const { name, random, isOver, acked, tally } = input
  let client: Client | undefined
  for (let nth = 0; !isOver(); nth++) {
    const key = `w${name}-${nth}`
    let lease: LeaseView | undefined
    while (!isOver() && lease === undefined) {
      const sent = await attempt(tally, async () => {
        client ??= await rig.newTask(name * 100_000 + nth)
        return client.post<IssuedLeaseView>(
          '/v1/leases',
          { resource: 'crm.deals', actions: ['read'], termSeconds: 60 },
          { 'idempotency-key': key },
        )
      })
      if (sent === 'away') await wait(20 + random() * 60)
      // Its task ended, or its first try was taken back: another key, another lease.
      else if (sent === 'refused') {
        client = undefined
        break
      } else {
        lease = sent.lease
        acked.issued.set(key, [...(acked.issued.get(key) ?? []), lease.id])
      }
    }
    if (lease !== undefined) await use(lease, client, input)
    if (random() < 0.1) client = undefined
    void acked
  }
}

async function use(
  lease: LeaseView,
  client: Client | undefined,
  { random, isOver, acked, tally }: Parameters<typeof write>[1],
): Promise<void> {
  if (client === undefined) return
  if (random() < 0.4) {
    const renewed = await attempt(tally, () =>
      client.post<LeaseView>(`/v1/leases/${lease.id}/renew`),
    )
    if (typeof renewed !== 'string') acked.renewed.push(lease.id)
  }
  // Some are left to their term and to the end of their task.
  if (random() < 0.15) return
  for (let tries = 0; tries < 20 && !isOver(); tries++) {
    const ended = await attempt(tally, () =>
      client.post<LeaseView>(`/v1/leases/${lease.id}/release`),
    )
    if (ended === 'away') await wait(20 + random() * 60)
    else {
      if (typeof ended !== 'string' && ended.state === 'gone') acked.ended.add(lease.id)
      return
    }
  }
}

async function attempt<T>(tally: Tally, run: () => Promise<T>): Promise<T | 'away' | 'refused'> {
  tally.inFlight++
  try {
    const value = await run()
    tally.acked++
    return value
  } catch (thrown) {
    const isAway = !(thrown instanceof Refused) || thrown.status >= 500
    const what =
      thrown instanceof Refused
        ? `${thrown.status} ${thrown.problem.code}`
        : thrown instanceof Error
          ? `${thrown.message.slice(0, 80)} ${thrown.cause instanceof Error ? thrown.cause.message : ''}`
          : 'no answer'
    tally.refused.set(what, (tally.refused.get(what) ?? 0) + 1)
    return isAway ? 'away' : 'refused'
  } finally {
    tally.inFlight--
  }
}
