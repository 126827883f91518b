/** What stands around every page: where one can go, whether it is fresh, and who one is. */
import { Link, Outlet, useLocation } from '@tanstack/react-router'
import { useEffect, useRef, useState } from 'react'
import type { FoundList } from './api.ts'
import { signOut } from './api.ts'
import { Bar } from './bar.tsx'
import { KeysDialog, useKeys } from './keys.tsx'
import { type State, useFreshness } from './live.ts'
import { ProblemBox } from './parts/show.tsx'
import { useNeeds } from './parts/use-needs.ts'
import { places } from './places.ts'
import { useStream } from './stream.ts'
import { nextTheme, readTheme, type Theme, writeTheme } from './theme.ts'
import { clock } from './time.ts'
import { useAround, useMe } from './use.ts'

export function Frame() {
  const me = useMe()
  const [dialog, setDialog] = useState<'bar' | 'keys' | null>(null)
  const close = () => setDialog(null)
  useKeys({ openBar: () => setDialog('bar'), openKeys: () => setDialog('keys'), places })
  useTitle()
  useStream()
  if (me.data === undefined)
    return me.error === null ? null : (
      <main>
        <ProblemBox of={me.error} />
      </main>
    )
  return (
    <div className="frame">
      <a className="skip" href="#page">
        Skip to the page
      </a>
      <header>
        <Link to="/" className="brand">
          <img src="/assets/mark.svg" alt="Leasehold" width="22" height="22" />{' '}
          <span aria-hidden="true">Leasehold</span>
        </Link>
        <span className="installation muted">{me.data.installation.name}</span>
        <button type="button" className="find second" onClick={() => setDialog('bar')}>
          <span>
            Find<span className="wide"> or do</span>…
          </span>{' '}
          <kbd>{isMac ? '⌘' : 'Ctrl'} K</kbd>
        </button>
        <Pill />
        <ThemeButton />
        <Person name={me.data.person?.name ?? ''} roles={me.data.person?.roles ?? []} />
      </header>
      <Places openKeys={() => setDialog('keys')} />
      <main id="page" tabIndex={-1}>
        <Outlet />
      </main>
      <Bar isOpen={dialog === 'bar'} close={close} />
      <KeysDialog isOpen={dialog === 'keys'} close={close} places={places} />
    </div>
  )
}

const isMac = /Mac|iPhone|iPad/.test(navigator.userAgent)

function Places({ openKeys }: { openKeys: () => void }) {
  const { needs } = useNeeds()
  const found = useAround<FoundList>('/v1/found').data
  const counts: Readonly<Record<string, number | undefined>> = {
    '/': needs?.length,
    '/found': found?.unknown,
  }
  return (
    <nav className="places" aria-label="Pages">
      <ul>
        {places.map(({ to, name }) => (
          <li key={to}>
            <Link to={to} activeOptions={{ exact: to === '/' }}>
              <span>{name}</span>
              {(counts[to] ?? 0) > 0 && (
                <span className="count">
                  <span className="hidden">, </span>
                  {counts[to]}
                </span>
              )}
            </Link>
          </li>
        ))}
        <li>
          <button type="button" className="link" onClick={openKeys}>
            Keys <kbd>?</kbd>
          </button>
        </li>
      </ul>
    </nav>
  )
}

/** Whether what is seen is of now. Never green where the server does not tell of each change. */
function Pill() {
  const { state, at } = useFreshness()
  const says: Readonly<Record<State, readonly [short: string, long: string]>> = {
    reading: ['◌ reading', 'The first answers are on their way.'],
    live: ['● live', 'The server tells of each change.'],
    behind: ['◌ catching up', 'What changed meanwhile is being read.'],
    asking: ['◌ asking', `Not told of changes; asked every few seconds, last at ${clock(at)}.`],
    away: [
      at === 0 ? '✕ not connected' : `✕ not connected since ${clock(at)}`,
      'The server does not answer. It is tried again by itself.',
    ],
  }
  const [short, long] = says[state]
  return (
    <span className={`pill ${state}`} role="status" title={long}>
      {short}
    </span>
  )
}

function ThemeButton() {
  const [theme, setTheme] = useState<Theme>(readTheme)
  const turn = () => {
    const next = nextTheme(theme)
    writeTheme(next)
    setTheme(next)
  }
  return (
    <button type="button" className="second icon" onClick={turn} aria-label={`Colours: ${theme}`}>
      <span aria-hidden="true">◐</span> <span className="wide">{theme}</span>
    </button>
  )
}

function Person({ name, roles }: { name: string; roles: readonly string[] }) {
  const details = useRef<HTMLDetailsElement>(null)
  const { pathname } = useLocation()
  useEffect(() => {
    if (pathname !== '') details.current?.removeAttribute('open')
  }, [pathname])
  return (
    <details className="person" ref={details}>
      <summary>{name}</summary>
      <div className="menu">
        <p>
          <strong>{name}</strong>
          <span className="under muted">
            {roles.length === 0 ? 'no special role' : roles.join(', ')}
          </span>
        </p>
        <p>
          <a href="/account">Your sign-in</a>
        </p>
        <p>
          <Link to="/passkeys">Your passkeys</Link>
        </p>
        <p>
          <a href="/d">Sign in a device</a>
        </p>
        <button type="button" className="second" onClick={() => void signOut()}>
          Sign out
        </button>
        <p className="muted hint">Ends what you let clients do for you, too.</p>
      </div>
    </details>
  )
}

/** As it was before it became part of an address; as it is where somebody wrote what is none. */
function readable(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/** The name of the page, for tabs, history and those who listen. */
function useTitle(): void {
  const { pathname } = useLocation()
  useEffect(() => {
    const place = places.find(({ to }) => to === pathname)
    const rest = pathname.split('/').slice(1).map(readable).reverse().join(' · ')
    document.title = `${place?.name ?? rest} · Leasehold`
  }, [pathname])
}

export function Nowhere() {
  return (
    <>
      <h1>Nothing is here</h1>
      <p>
        There is no page at this address. <Link to="/">Home</Link>
      </p>
    </>
  )
}
