import { once } from 'node:events'
import { duplexPair } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { relay } from './relay.ts'

const query = Buffer.from('51000000090000000000', 'hex')
const terminate = Buffer.from('5800000004', 'hex')

/** What a caller hears when the target closes upon this, before the caller leaves. */
async function heardAfter(last: Buffer) {
  const [caller, near] = duplexPair()
  const [target, far] = duplexPair()
  const heard: Buffer[] = []
  near.on('data', (chunk: Buffer) => heard.push(chunk)).on('end', () => near.end())
  const passing = relay(
    caller,
    { target, cancel: () => {} },
    { signal: new AbortController().signal },
  )
  near.write(last)
  await once(far, 'data')
  far.end()
  const { endedBy } = await passing
  return { endedBy, said: Buffer.concat(heard).toString() }
}

describe('a target that closes first', () => {
  test('upon a goodbye of the caller has not broken off: the caller is told nothing', async () => {
    expect(await heardAfter(terminate)).toEqual({ endedBy: 'caller', said: '' })
    expect(await heardAfter(Buffer.concat([query, terminate]))).toMatchObject({ said: '' })
  })

  test('upon anything else has, and the caller is told', async () => {
    const { endedBy, said } = await heardAfter(query)
    expect(endedBy).toBe('target')
    expect(said).toContain('The database broke off.')
  })
})
