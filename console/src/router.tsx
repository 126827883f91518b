/** Which page stands under which address. The server serves the same file under each of them. */
import { createRootRoute, createRoute, createRouter } from '@tanstack/react-router'
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

// Each by itself: written inside the list, their types are lost.
const home = createRoute({ getParentRoute: () => root, path: '/', component: HomePage })
const apps = createRoute({
  getParentRoute: () => root,
  path: '/apps',
  component: AppsPage,
  validateSearch: (search: Search): { q?: Text; state?: Text } => ({
    q: text(search, 'q'),
    state: text(search, 'state'),
  }),
})
const app = createRoute({ getParentRoute: () => root, path: '/apps/$app', component: AppPage })
const end = createRoute({ getParentRoute: () => root, path: '/apps/$app/end', component: EndPage })
const requests = createRoute({
  getParentRoute: () => root,
  path: '/requests',
  component: RequestsPage,
  validateSearch: (search: Search): { state?: Text } => ({ state: text(search, 'state') }),
})
const request = createRoute({
  getParentRoute: () => root,
  path: '/requests/$id',
  component: RequestPage,
})
const leases = createRoute({
  getParentRoute: () => root,
  path: '/leases',
  component: LeasesPage,
  validateSearch: (search: Search): { app?: Text; range?: RangeName; as?: Text } => {
    const range = ranges.find(({ name }) => name === search['range'])?.name
    return {
      app: text(search, 'app'),
      as: text(search, 'as'),
      ...(range === undefined ? {} : { range }),
    }
  },
})
const log = createRoute({
  getParentRoute: () => root,
  path: '/log',
  component: LogPage,
  validateSearch: (search: Search): { kind?: Text; about?: Text } => ({
    kind: text(search, 'kind'),
    about: text(search, 'about'),
  }),
})
const entry = createRoute({
  getParentRoute: () => root,
  path: '/log/$position',
  component: EntryPage,
})
const trace = createRoute({
  getParentRoute: () => root,
  path: '/trace/$thing',
  component: TracePage,
})
const decision = createRoute({
  getParentRoute: () => root,
  path: '/decisions/$id',
  component: DecisionPage,
})
const finding = createRoute({
  getParentRoute: () => root,
  path: '/findings/$id',
  component: FindingPage,
})
const ends = createRoute({ getParentRoute: () => root, path: '/ends', component: EndsPage })
const days = createRoute({ getParentRoute: () => root, path: '/days', component: DaysPage })
const day = createRoute({
  getParentRoute: () => root,
  path: '/days/$day',
  component: DayPage,
  validateSearch: (search: Search): { as?: Text } => ({ as: text(search, 'as') }),
})
const found = createRoute({
  getParentRoute: () => root,
  path: '/found',
  component: FoundPage,
  validateSearch: (search: Search): { q?: Text } => ({ q: text(search, 'q') }),
})
const thing = createRoute({ getParentRoute: () => root, path: '/found/$id', component: ThingPage })
const holds = createRoute({ getParentRoute: () => root, path: '/holds', component: HoldsPage })
const passkeys = createRoute({
  getParentRoute: () => root,
  path: '/passkeys',
  component: PasskeysPage,
})
const policy = createRoute({ getParentRoute: () => root, path: '/policy', component: PolicyPage })
const connect = createRoute({
  getParentRoute: () => root,
  path: '/connect',
  component: ConnectPage,
})

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
