/** Small parts that pages are made of: a state, a time, a failure, what is not there yet. */
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { Refused } from '../api.ts'
import { useNow } from '../live.ts'
import { moment, relative, span } from '../time.ts'
import { sayState } from '../words.ts'

export function State({ of, word }: { of: string; word?: string | undefined }) {
  const said = sayState(of)
  return (
    <span className={`state ${said.tone}`}>
      <span aria-hidden="true">{said.glyph}</span> {word ?? said.word}
    </span>
  )
}

/** How far; exactly when is its title, and is read out. */
export function When({ at }: { at: string | null }) {
  const now = useNow()
  if (at === null) return <span className="muted">never</span>
  return (
    <time dateTime={at} title={moment(at)}>
      {relative(at, now)}
    </time>
  )
}

/** `Fri 27 Nov, 17:00 · in 6 d 2 h` */
export function Until({ at }: { at: string }) {
  const now = useNow()
  return (
    <time dateTime={at}>
      {moment(at)} <span className="muted">· {relative(at, now)}</span>
    </time>
  )
}

/** How much of an app's life is over: drawn, and said. */
export function EndBar({ madeAt, endsAt }: { madeAt: string; endsAt: string }) {
  const now = useNow()
  const [from, to] = [Date.parse(madeAt), Date.parse(endsAt)]
  const gone = Math.min(1, Math.max(0, (now - from) / Math.max(1, to - from)))
  const left = to - now
  const tone = left < 86_400_000 ? 'soon' : 'far'
  const says =
    left > 0 ? `ends in ${span(left)}, ${moment(endsAt)}` : `past its end, ${moment(endsAt)}`
  return (
    <span className={`end-bar ${tone}`}>
      <svg viewBox="0 0 100 6" preserveAspectRatio="none" role="img" aria-label={says}>
        <rect className="bar-rest" width="100" height="6" />
        <rect className="bar-gone" width={100 * gone} height="6" />
      </svg>
      <span className="end-words">{left > 0 ? span(left) : 'over'}</span>
    </span>
  )
}

/** The server's own words, what to do next, and where to find more. */
export function ProblemBox({ of, title }: { of: Error; title?: string }) {
  const problem = of instanceof Refused ? of.problem : undefined
  const next = problem?.next
  return (
    <div className="problem" role="alert">
      <p>
        <span className="bad" aria-hidden="true">
          ✕
        </span>{' '}
        <strong>{title ?? problem?.title ?? 'This page broke'}</strong>
      </p>
      <p>{problem?.detail ?? 'Something went wrong on this page.'}</p>
      {next !== undefined && <p className="next">Next: {next}</p>}
      {problem?.denial !== undefined && (
        <p>
          <Link to="/decisions/$id" params={{ id: problem.denial.shortId }}>
            Why? {problem.denial.shortId}
          </Link>
        </p>
      )}
    </div>
  )
}

export function Loading({ what }: { what: string }) {
  return (
    <p className="loading muted" role="status">
      Reading {what}…
    </p>
  )
}

export function Empty({ children }: { children: ReactNode }) {
  return <p className="empty">{children}</p>
}

interface Answered<T> {
  readonly data: T | undefined
  readonly error: Error | null
}

/** What was read, or why it was not, or that it is on its way. What was read before stays while it is away. */
export function Read<T>({
  from,
  what,
  children,
}: {
  from: Answered<T>
  what: string
  children: (data: T) => ReactNode
}) {
  if (from.data !== undefined) return children(from.data)
  if (from.error !== null) return <ProblemBox of={from.error} />
  return <Loading what={what} />
}

export function Title({ children, aside }: { children: ReactNode; aside?: ReactNode }) {
  return (
    <div className="title">
      <h1>{children}</h1>
      {aside !== undefined && <div className="aside">{aside}</div>}
    </div>
  )
}

export function Panel({
  title,
  children,
  aside,
  id,
}: {
  title: string
  children: ReactNode
  aside?: ReactNode
  id?: string
}) {
  return (
    <section className="panel" aria-label={title} id={id}>
      <div className="panel-head">
        <h2>{title}</h2>
        {aside}
      </div>
      {children}
    </section>
  )
}

export function Facts({ of }: { of: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className="facts">
      {of.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}

export function AppLink({ slug }: { slug: string | null }) {
  if (slug === null) return <span className="muted">none</span>
  return (
    <Link to="/apps/$app" params={{ app: slug }}>
      {slug}
    </Link>
  )
}
