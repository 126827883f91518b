/** Over TLS a credential is shown only to who has the certificate of that name. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/core/base/time.ts'
import { type Certificate, makeCertificate } from '../../test/fakes/certificates.ts'
import { redis } from '../../test/fakes/redis.ts'
import { type SalesRedis, startSalesRedis } from '../../test/support/sales-redis.ts'
import { redisConnector } from './redis.ts'

const names = ['localhost', 'other.example'] as const

describe.runIf(redis.isHere)(redis.name, () => {
  const made: { certificate: Certificate; sales: SalesRedis }[] = []
  beforeAll(async () => {
    for (const name of names) {
      const certificate = await makeCertificate(name)
      made.push({ certificate, sales: await startSalesRedis('aclfile', certificate) })
    }
  })
  afterAll(async () => {
    for (const { certificate, sales } of made) {
      await sales.stop()
      await certificate.remove()
    }
  })

  /** The canary's steps against the server with the certificate for `name`. */
  async function run(name: (typeof names)[number], tls: boolean | 'its own') {
    const it = made[names.indexOf(name)]
    if (it === undefined) throw new Error('it was not started')
    const said = tls === 'its own' ? { ca: it.certificate.ca } : tls
    const config = redisConnector.parseConfig({
      ...it.sales.config,
      host: 'localhost',
      port: it.sales.server.tlsPort,
      tls: said,
    })
    const target = redisConnector.open(config, systemClock)
    return target.preflight(AbortSignal.timeout(15_000))
  }

  test('the server of that name is trusted, by its authority', async () => {
    expect((await run('localhost', 'its own')).steps.filter(step => !step.ok)).toEqual([])
  })

  test('another name, or an authority nobody named, is not', async () => {
    for (const [name, tls] of [
      ['other.example', 'its own'],
      ['localhost', true],
    ] as const) {
      const { steps } = await run(name, tls)
      expect(steps).toHaveLength(1)
      expect(steps[0]?.detail).toMatch(/did not answer, or broke off/)
    }
  })
})
