/**
 * Two people at one thing: what somebody else did to it while it was looked at is said, with who it was. A
 * button that is no longer there, or a dialog that closed, has its reason on the page.
 */
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import type * as api from '../api.ts'
import { useMe, useRead } from '../use.ts'
import { State, When } from './show.tsx'

interface Was {
  readonly id: string
  readonly state: string
  /** Before it changed; null: it has not. */
  readonly before: string | null
}

/** What the state was before it changed here. */
function useBefore(id: string, state: string): string | null {
  const [was, setWas] = useState<Was>({ id, state, before: null })
  if (was.id === id && was.state === state) return was.before
  const before = was.id === id ? was.state : null
  setWas({ id, state, before })
  return before
}

export function RequestMeanwhile({ of }: { of: api.RequestView }) {
  const before = useBefore(of.id, of.state)
  const me = useMe().data?.person?.name
  const answer = of.answers.at(-1)
  // What one did oneself is no news.
  if (before === null || (answer?.person ?? of.askedBy) === me) return null
  return (
    <p className="note wait" role="status">
      <span aria-hidden="true">▲</span> While you looked:{' '}
      {answer === undefined ? 'somebody closed it' : `${answer.person} said ${answer.says}`},{' '}
      <When at={answer?.at ?? of.closedAt ?? of.madeAt} />. It was <State of={before} />, it is{' '}
      <State of={of.state} /> now.
    </p>
  )
}

export function AppMeanwhile({ of }: { of: api.AppView }) {
  const before = useBefore(of.id, of.state)
  const query = new URLSearchParams({ subject: of.slug, limit: '20' })
  const log = useRead<api.LogPage>(before === null ? null : `/v1/log?${query}`)
  const me = useMe().data?.person?.id
  const entry = log.data?.entries.find(({ kind }) => /^(app|offboard)\./.test(kind))
  const isRead = log.data !== undefined || log.error !== null
  if (before === null || !isRead || entry?.actor === me) return null
  return (
    <p className="note wait" role="status">
      <span aria-hidden="true">▲</span> While you looked:{' '}
      {entry === undefined ? (
        'somebody changed it'
      ) : (
        <>
          {entry.actorName} {entry.says}, <When at={entry.at} />,{' '}
          <Link to="/log/$position" params={{ position: String(entry.position) }}>
            #{entry.position}
          </Link>
        </>
      )}
      . It was <State of={before} />, it is <State of={of.state} /> now.
    </p>
  )
}
