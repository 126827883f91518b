/**
 * What an answer of a model vendor cost, read from what it says it used and the prices the resource
 * names. Reads JSON and event streams as they go by; keeps nothing of what was asked or said.
 * Source: the API references of OpenAI (chat completions, responses, embeddings) and Anthropic (messages).
 */
import type { Json } from '../../src/core/base/json.ts'
import type { Priced } from '../../src/core/target/target.ts'
import type { PathsObject } from './config.ts'

type Prices = NonNullable<PathsObject['prices']>

/** Of what was read before: a name and a count may be cut in two. */
const overlapChars = 300
const counts =
  /"(prompt_tokens|completion_tokens|input_tokens|output_tokens|cache_creation_input_tokens|cache_read_input_tokens)"\s*:\s*(\d{1,12})/g
const written = ['completion_tokens', 'output_tokens']

/** Undefined where the resource names no prices. What is read from a cache is paid as if it were sent. */
export function priceOf(object: Json): Priced | undefined {
  const { prices } = (object ?? {}) as Partial<PathsObject>
  if (prices === undefined || Object.keys(prices).length === 0) return undefined
  const decoder = new TextDecoder()
  const said = new Map<string, number>()
  let [model, before] = ['', '']
  return {
    read(chunk) {
      const text = before + decoder.decode(chunk, { stream: true })
      before = text.slice(-overlapChars)
      model ||= /"model"\s*:\s*"([^"\\]{1,200})"/.exec(text)?.[1] ?? ''
      // Events repeat what was used up to them: the largest is the whole. Inside a text quotes are escaped.
      for (const [, name = '', count] of text.matchAll(counts))
        said.set(name, Math.max(said.get(name) ?? 0, Number(count)))
    },
    cost() {
      if (said.size === 0) return undefined
      const { input, output } = pricesFor(prices, model)
      const costs = [...said].map(([name, n]) => n * (written.includes(name) ? output : input))
      return costs.reduce((sum, cost) => sum + cost, 0)
    },
  }
}

/** Dollars for a million tokens are millionths of a dollar for one. Who names no model we know pays the most. */
function pricesFor(prices: Prices, model: string): { input: number; output: number } {
  const fits = (name: string) =>
    name.endsWith('*') ? model.startsWith(name.slice(0, -1)) : model === name
  const fitting = Object.entries(prices).find(([name]) => model !== '' && fits(name))
  if (fitting !== undefined) return fitting[1]
  const all = Object.values(prices)
  const most = (side: 'input' | 'output') => Math.max(...all.map(price => price[side]))
  return { input: most('input'), output: most('output') }
}
