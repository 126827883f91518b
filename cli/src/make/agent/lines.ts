/** Lines of a stream of bytes. One that goes on without an end is cut where it is surely refused. */
export async function* linesOf(
  from: AsyncIterable<unknown> | Iterable<never>,
  mostChars: number,
): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const part of from) {
    rest += decoder.decode(Buffer.from(part as Buffer), { stream: true })
    const lines = rest.split(/\r?\n/)
    rest = (lines.pop() ?? '').slice(0, mostChars + 1)
    yield* lines
  }
  if (rest !== '') yield rest
}
