/**
 * What the server takes for what a page asks first. Which questions those are, the page itself says in a
 * browser; then they are asked again without one, all at once as a page does, many times.
 */
import { type Client, clientOf } from '../demo/client.ts'
import type { Window } from '../test/console/open.ts'
import { quantile } from './measure.ts'
import { round3 } from './row.ts'

export interface FirstAnswers {
  readonly path: string
  readonly questions: number
  readonly kilobytes: number
  /** Until the last of its answers, asked all at once. */
  readonly p50Ms: number
  readonly p95Ms: number
  /** Each asked alone: p95 of the one that takes longest. */
  readonly slowest: string
  readonly slowestMs: number
}

const times = 20
const warmUps = 3
/** A page has asked all it asks first when it asked nothing for so long. */
const quietMs = 1_500

export async function measureFirstAnswers(
  window: Window,
  issuer: string,
  path: string,
): Promise<FirstAnswers> {
  const questions = await questionsOf(window, path)
  // The browser stands at a page that asks nothing by itself.
  await window.page.goto('about:blank')
  const client = clientOf(issuer, await shownBy(window))
  const together = await timesOf(client, questions)
  let [slowest, slowestMs] = ['', 0]
  for (const question of questions) {
    const ms = quantile((await timesOf(client, [question])).all, 0.95)
    if (ms > slowestMs) [slowest, slowestMs] = [question, ms]
  }
  return {
    path,
    questions: questions.length,
    kilobytes: Math.round(together.bytes / 1_000),
    p50Ms: round3(quantile(together.all, 0.5)),
    p95Ms: round3(quantile(together.all, 0.95)),
    slowest,
    slowestMs: round3(slowestMs),
  }
}

async function questionsOf({ page }: Window, path: string): Promise<string[]> {
  const asked = new Set<string>()
  const keep = (url: URL) => {
    if (url.pathname.startsWith('/v1/') && url.pathname !== '/v1/stream')
      asked.add(`${url.pathname}${url.search}`)
  }
  const hear = (request: { url(): string }) => keep(new URL(request.url()))
  page.on('request', hear)
  await page.goto(new URL(path, page.url()).href)
  for (let before = -1; before < asked.size; ) {
    before = asked.size
    await page.waitForTimeout(quietMs)
  }
  page.off('request', hear)
  return [...asked]
}

/** As a page of ours asks: with the session's cookie, and what a browser says of who asks. */
async function shownBy({ context }: Window): Promise<Record<string, string>> {
  const cookies = await context.cookies()
  const cookie = cookies.map(({ name, value }) => `${name}=${value}`).join('; ')
  return { cookie, 'sec-fetch-site': 'same-origin' }
}

export async function timesOf(client: Client, questions: readonly string[]) {
  const all: number[] = []
  let bytes = 0
  for (let time = -warmUps; time < times; time++) {
    const startedMs = performance.now()
    const answers = await Promise.all(questions.map(question => client.text(question)))
    if (time >= 0) all.push(performance.now() - startedMs)
    bytes = answers.reduce((sum, answer) => sum + Buffer.byteLength(answer), 0)
  }
  return { all, bytes }
}

/** The server's own share of one filter, p95. */
export async function measureAnswer(window: Window, issuer: string, question: string) {
  const client = clientOf(issuer, await shownBy(window))
  return round3(quantile((await timesOf(client, [question])).all, 0.95))
}
