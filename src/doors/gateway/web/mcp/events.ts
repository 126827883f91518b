/** A stream of server-sent events, whose data may be changed on the way; everything else is as it was. */
import { problemOf } from '../../../../core/base/problem.ts'
import { bounds } from '../../bounds.ts'

/** Yields whole events. Problem `too-large` where one has no end. */
export async function* readEvents(
  from: AsyncIterable<unknown>,
  change: (data: string) => string,
): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const part of from) {
    rest += decoder.decode(part as Buffer, { stream: true })
    for (let end = endOf(rest); end !== undefined; end = endOf(rest)) {
      yield changed(rest.slice(0, end), change)
      rest = rest.slice(end)
    }
    if (rest.length > bounds.messageBytes) throw problemOf('event-without-end')
  }
  // What has no end was never an event.
}

/** After the empty line that ends the first event. */
function endOf(text: string): number | undefined {
  const found = /\r\n\r\n|\n\n|\r\r/.exec(text)
  return found === null ? undefined : found.index + found[0].length
}

function changed(event: string, change: (data: string) => string): string {
  const lines = event.split(/\r\n|\n|\r/)
  const data = lines.filter(isData).map(line => line.slice(line.startsWith('data: ') ? 6 : 5))
  if (data.length === 0) return event
  const before = data.join('\n')
  const after = change(before)
  if (after === before) return event
  const others = lines.filter(line => line !== '' && !isData(line))
  return [...others, ...after.split('\n').map(line => `data: ${line}`), '', ''].join('\n')
}

function isData(line: string): boolean {
  return line.startsWith('data:') || line === 'data'
}
