/** Which page stands under which address. The server serves the same file under each of them. */
import { createRootRoute, createRoute, createRouter } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { Frame, Nowhere } from './frame.tsx'
import { AppPage } from './pages/app.tsx'
import { AppsPage } from './pages/apps.tsx'
import { ConnectPage } from './pages/connect.tsx'
import { DayPage, DaysPage } from './pages/day.tsx'
import { DecisionPage } from './pages/decision.tsx'
import { EndPage } from './pages/end.tsx'
import { EndsPage } from './pages/ends.tsx'
import { EntryPage } from './pages/entry.tsx'
import { FindingPage } from './pages/finding.tsx'
import { FoundPage, ThingPage } from './pages/found.tsx'
import { HoldsPage } from './pages/holds.tsx'
import { HomePage } from './pages/home.tsx'
import { LeasesPage } from './pages/leases.tsx'
import { LogPage } from './pages/log.tsx'
import { PasskeysPage } from './pages/passkeys.tsx'
import { PolicyPage } from './pages/policy.tsx'
import { RequestPage } from './pages/request.tsx'
import { RequestsPage } from './pages/requests.tsx'
import { TracePage } from './pages/trace.tsx'
import { ProblemBox } from './parts/show.tsx'
import { type RangeName, ranges } from './parts/timeline.tsx'

const root = createRootRoute({
  component: Frame,
  notFoundComponent: Nowhere,
  errorComponent: ({ error }) => (
    <ProblemBox of={error instanceof Error ? error : new Error()} title="This page broke" />
  ),
})

type Search = Readonly<Record<string, unknown>>
type Text = string | undefined

/** Of an address: a text, or left out. */
function text(search: Search, name: string): Text {
  const value = search[name]
  if (typeof value === 'number') return String(value)
  return typeof value === 'string' && value !== '' ? value.slice(0, 200) : undefined
}

/** What may stand behind the question mark. */
function words<N extends string>(...names: N[]) {
  return (search: Search) =>
    Object.fromEntries(names.map(name => [name, text(search, name)])) as { [name in N]?: Text }
}

/** A page with nothing behind the question mark. */
function at<P extends string>(path: P, component: () => ReactNode) {
  return createRoute({ getParentRoute: () => root, path, component })
}

// Each by itself: written inside the list, their types are lost.
const home = at('/', HomePage)
const apps = createRoute({
  getParentRoute: () => root,
  path: '/apps',
  component: AppsPage,
  validateSearch: words('q', 'state'),
})
const app = at('/apps/$app', AppPage)
const end = at('/apps/$app/end', EndPage)
const requests = createRoute({
  getParentRoute: () => root,
  path: '/requests',
  component: RequestsPage,
  validateSearch: words('state'),
})
const request = at('/requests/$id', RequestPage)
const leases = createRoute({
  getParentRoute: () => root,
  path: '/leases',
  component: LeasesPage,
  validateSearch: (search: Search): { app?: Text; range?: RangeName; as?: Text } => {
    const range = ranges.find(({ name }) => name === search['range'])?.name
    return { ...words('app', 'as')(search), ...(range === undefined ? {} : { range }) }
  },
})
const log = createRoute({
  getParentRoute: () => root,
  path: '/log',
  component: LogPage,
  validateSearch: words('kind', 'about', 'from', 'to'),
})
const entry = at('/log/$position', EntryPage)
const trace = at('/trace/$thing', TracePage)
const decision = at('/decisions/$id', DecisionPage)
const finding = at('/findings/$id', FindingPage)
const ends = at('/ends', EndsPage)
const days = at('/days', DaysPage)
const day = createRoute({
  getParentRoute: () => root,
  path: '/days/$day',
  component: DayPage,
  validateSearch: words('as'),
})
const found = createRoute({
  getParentRoute: () => root,
  path: '/found',
  component: FoundPage,
  validateSearch: words('q'),
})
const thing = at('/found/$id', ThingPage)
const holds = at('/holds', HoldsPage)
const passkeys = at('/passkeys', PasskeysPage)
const policy = at('/policy', PolicyPage)
const connect = at('/connect', ConnectPage)

// biome-ignore format: a list of names
const tree = root.addChildren([
  home, apps, app, end, requests, request, leases, log, entry,
  trace, decision, finding, days, day, ends, found, thing, holds, passkeys, policy, connect,
])

export function makeConsoleRouter() {
  return createRouter({ routeTree: tree, scrollRestoration: true })
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof makeConsoleRouter>
  }
}
