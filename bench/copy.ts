/** COPY … FROM STDIN over a connection of `pg`, which knows the messages but has no call for them. */
import type pg from 'pg'

interface Wire {
  query(text: string): void
  sendCopyFromChunk(chunk: Buffer): void
  endCopyFrom(): void
  sync(): void
}

/** One COPY in text form: rows of columns, each a text or null. */
export function copyRows(
  client: pg.Client,
  into: string,
  rows: Iterable<readonly (string | null)[]>,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const copy = {
    submit: (wire: Wire) => wire.query(`copy ${into} from stdin`),
    handleCopyInResponse(wire: Wire) {
      let chunk: string[] = []
      for (const row of rows) {
        chunk.push(lineOf(row))
        if (chunk.length === rowsPerChunk) {
          wire.sendCopyFromChunk(Buffer.from(chunk.join('')))
          chunk = []
        }
      }
      wire.sendCopyFromChunk(Buffer.from(chunk.join('')))
      wire.endCopyFrom()
    },
    handleCommandComplete() {},
    handleReadyForQuery: () => resolve(),
    handleError: (error: Error) => reject(error),
  }
  client.query(copy as unknown as pg.Submittable)
  return promise
}

const rowsPerChunk = 200

function lineOf(row: readonly (string | null)[]): string {
  return `${row.map(each => (each === null ? '\\N' : escaped(each))).join('\t')}\n`
}

function escaped(text: string): string {
  return text
    .replaceAll('\\', '\\\\')
    .replaceAll('\t', '\\t')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
}
