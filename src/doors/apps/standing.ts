/**
 * What the front of apps asks of the server: which app answers under a name, whether this person may open
 * it now, who may answer for it. Decided on the facts in memory, at each request; what was let in, and what
 * was refused at the door, is an entry. Not here: HTTP between a browser and an app (`front/`).
 */
import type { IncomingMessage } from 'node:http'
import { stateAt } from '../../core/app/app.ts'
import { type AppRow, appTable } from '../../core/app/rows.ts'
import type { AppId, PersonId } from '../../core/base/ids.ts'
import { requirePerson } from '../../core/base/permit.ts'
import { Problem, problemOf } from '../../core/base/problem.ts'
import { entryKind } from '../../core/ledger/kind.ts'
import type { EntryText } from '../../core/ledger/record.ts'
import { verb } from '../../core/ledger/verb.ts'
import { findPerson } from '../../core/people/rows.ts'
import { decide } from '../../core/policy/decide.ts'
import type { Actor } from '../../core/policy/question.ts'
import { recordDenial } from '../../core/policy/record.ts'
import { offboardingTable } from '../../life/offboard/rows.ts'
import { type CallerWorld, checkShown, shownIn, verifyShown } from '../api/caller.ts'
import { checkHost, type Hosts } from '../api/oauth/request.ts'
import type { ApiWorld } from '../api/world.ts'

export type AppsWorld = ApiWorld & CallerWorld & Hosts
type Named = Omit<AppRow, 'purpose'>
type Act = 'app.open' | 'app.serve'

const appOpened = entryKind('app.open', 'opened the app')
const appServed = entryKind('app.serve', 'answers under the address of the app')

export function appsOf(world: AppsWorld) {
  const find = (slug: string): Named | undefined => world.replica.by(appTable, 'slug', slug)[0]
  const ask = <A extends Act>(actor: Actor, action: A, { id }: Named) =>
    decide(world, { actor, action, about: { type: 'app', id } })
  /** What the rule says that is against it; undefined where nothing is. Read, and not written down. */
  const denied = (slug: string, actor: Actor, action: Act = 'app.open') => {
    const app = find(slug)
    if (app === undefined) return 'There is no such app.'
    const decision = ask(actor, action, app)
    return decision.allowed ? undefined : decision.denial.says
  }
  return {
    find,
    denied,
    /** A visit begins: written down, as what it was decided to be. Answers as `denied`. */
    async open(slug: string, id: PersonId): Promise<string | undefined> {
      const app = find(slug)
      if (app === undefined) return 'There is no such app.'
      const decision = ask({ kind: 'person', id }, 'app.open', app)
      if (decision.allowed) await openApp(world, decision.permit, seen(app))
      else await recordDenial(world, decision.record)
      return decision.allowed ? undefined : decision.denial.says
    },
    /** Who asks to answer for an app. Problem where nobody may; else how to ask whether they still may. */
    async serve(req: IncomingMessage, slug: string): Promise<() => string | undefined> {
      checkHost(req, world)
      const shown = shownIn(req, world.issuer)
      if (shown === undefined) throw problemOf('bearer-missing')
      const caller = await verifyShown(world, shown)
      await checkShown(world.proofs, shown, caller)
      const app = find(slug)
      if (app === undefined) throw new Problem('not-found', { detail: 'There is no such app.' })
      const { actor, validUntil } = caller
      const decision = ask(actor, 'app.serve', app)
      if (!decision.allowed) {
        await recordDenial(world, decision.record)
        throw new Problem('denied', { detail: decision.denial.says })
      }
      await serveApp(world, decision.permit, seen(app))
      const isOver = () => (validUntil <= world.clock.now() ? 'The sign-in is over.' : undefined)
      // While it is paused nobody is shown anything; who answers need not come, and be refused, again and again.
      const isPaused = () => find(slug)?.state === 'paused'
      return () => isOver() ?? (isPaused() ? undefined : denied(slug, actor, 'app.serve'))
    },
    /** What people are told of it: whose it is, until when, and what its end has proven. */
    async describe(slug: string) {
      const app = find(slug)
      if (app === undefined) return undefined
      const owner = await findPerson(world.store, app.ownerId)
      const [end] = world.replica.by(offboardingTable, 'appId', app.id)
      return {
        slug,
        endsAt: app.endsAt,
        endedAt: app.endedAt,
        state: stateAt(app, world.clock.now()),
        owner: owner?.name ?? 'somebody who is not here any more',
        mail: owner?.email ?? undefined,
        isGone: end?.state === 'verified-gone',
      }
    },
  }
}

/** An app as it was when it was decided about. */
type Seen = { readonly appId: AppId; readonly subjects: EntryText['subjects'] & object }
const seen = ({ id, version }: Named): Seen => ({
  appId: id,
  subjects: [{ type: 'app', id, version }],
})

const openApp = verb('app.open', 'appId', async (scope, { subjects }: Seen, by) => {
  requirePerson(by, 'open an app')
  scope.entry({ kind: appOpened, by, subjects })
})

const serveApp = verb('app.serve', 'appId', async (scope, { subjects }: Seen, by) => {
  scope.entry({ kind: appServed, by, subjects })
})
