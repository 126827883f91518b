/** A browser as a jar of cookies, each of one host, that follows where it is led. */
import { type IncomingHttpHeaders, request } from 'node:http'
import type { PersonId } from '../../src/core/base/ids.ts'
import { startSession } from '../../src/life/sign-in/session.ts'
import type { Running } from '../../src/main.ts'

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

/** Follows the journey through the server's page as a browser does; cookies are of one host each. */
export class Browser {
  readonly jars = new Map<string, Map<string, string>>()

  /** Signed in as this person, or as nobody. */
  static async of({ world, issuer }: Running, id: PersonId | null): Promise<Browser> {
    const browser = new Browser()
    if (id === null) return browser
    const { secret } = await startSession(world.store, id, world.clock.now())
    browser.jar(new URL(issuer).host).set('lh_session', secret)
    return browser
  }

  jar(host: string) {
    return this.jars.getOrInsertComputed(host, () => new Map<string, string>())
  }

  async send(address: string, headers: Record<string, string> = {}, body?: string) {
    const url = new URL(address)
    const cookie = [...this.jar(url.host)].map(([name, value]) => `${name}=${value}`).join('; ')
    const own = { host: url.host, ...(cookie && { cookie }), ...headers }
    const asked = request({
      host: '127.0.0.1',
      port: url.port,
      path: url.pathname + url.search,
      headers: own,
      method: body === undefined ? 'GET' : 'POST',
    }).end(body)
    const answer = await new Promise<Answer>((resolve, reject) => {
      asked.once('error', reject).once('response', res => {
        let text = ''
        const done = () => resolve({ status: res.statusCode ?? 0, headers: res.headers, text })
        res.on('data', part => (text += String(part))).once('close', done)
      })
    })
    for (const line of answer.headers['set-cookie'] ?? []) {
      const [pair = ''] = line.split(';')
      const mark = pair.indexOf('=')
      if (line.includes('Max-Age=0')) this.jar(url.host).delete(pair.slice(0, mark))
      else this.jar(url.host).set(pair.slice(0, mark), pair.slice(mark + 1))
    }
    return answer
  }

  async open(address: string): Promise<Answer & { address: string }> {
    const navigating = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }
    let to = address
    for (let step = 0; step < 8; step++) {
      const answer = await this.send(to, { ...navigating, 'sec-fetch-site': 'same-site' })
      const refresh = /^0; url=(.+)$/.exec(String(answer.headers['refresh'] ?? ''))?.[1]
      const next = answer.headers.location ?? refresh
      if (next === undefined) return { ...answer, address: to }
      to = new URL(next, to).href
    }
    throw new Error('it leads round and round')
  }
}
