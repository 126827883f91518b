/** What is to be known of a list that goes on: what of it was read, that it changed, and how to read on. */
import type { Pages } from '../use.ts'
import { many } from '../words.ts'

/** `isFiltered`: what fits may be further on. */
export function PagesNote({
  of,
  what,
  isFiltered = false,
}: {
  of: Pages<unknown>
  what: string
  isFiltered?: boolean
}) {
  const { rows, hasMore, isOld, isReading, more, again } = of
  if (!isOld && !(hasMore && isFiltered)) return null
  return (
    <p className="note" role="status">
      {hasMore && isFiltered && (
        <>
          Looked at the first {many(rows.length, what)}; there are more.{' '}
          <button type="button" className="second" onClick={more} disabled={isReading}>
            Look further
          </button>{' '}
        </>
      )}
      {isOld && (
        <>
          <span className="wait">
            <span aria-hidden="true">▲</span> It changed since it was read.
          </span>{' '}
          <button type="button" className="second" onClick={again}>
            Read it anew
          </button>
        </>
      )}
    </p>
  )
}
