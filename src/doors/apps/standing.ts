/**
 * What the front of apps asks of the server: which app answers under a name, whether this person may open
 * it now, who may answer for it. Decided on the facts in memory, at each request; what was let in, and what
 * was refused at the door, is an entry. Not here: HTTP between a browser and an app (`front/`).
 */
import type { IncomingMessage } from 'node:http'
import { stateAt } from '../../core/app/app.ts'
import { type AppRow, appTable } from '../../core/app/rows.ts'
import type { AppId, IdentityId, PersonId, TaskId } from '../../core/base/ids.ts'
import { requirePerson } from '../../core/base/permit.ts'
import { Problem, problemOf } from '../../core/base/problem.ts'
import { identityTable } from '../../core/identity/rows.ts'
import type { Image } from '../../core/ledger/fact-table.ts'
import { entryKind } from '../../core/ledger/kind.ts'
import { type EntryText, subjectOf } from '../../core/ledger/record.ts'
import { verb } from '../../core/ledger/verb.ts'
import { findPerson } from '../../core/people/rows.ts'
import { decide } from '../../core/policy/decide.ts'
import type { Actor } from '../../core/policy/question.ts'
import { recordDenial } from '../../core/policy/record.ts'
import { type TaskRow, taskTable } from '../../core/task/rows.ts'
import { offboardingTable } from '../../life/offboard/rows.ts'
import { type CallerWorld, checkShown, placeOf, shownIn, verifyShown } from '../api/caller.ts'
import { checkHost, type Hosts } from '../api/oauth/request.ts'
import type { ApiWorld } from '../api/world.ts'

/** `runner`: by the thumbprint of its key. */
export type AppsWorld = ApiWorld & CallerWorld & Hosts & { runner: { key: string } | null }
type Named = Omit<AppRow, 'purpose'>
type Act = 'app.open' | 'app.serve'

/** The run of CI that shipped, and the bundle. */
type Origin = Readonly<{ sub: IdentityId; task: TaskId; commit: string; run: string }>
type Shipped = Origin & { readonly digest: string }
/** `ships`: the digest of a bundle. */
type Asked = Readonly<{ ships?: string; shipped?: Shipped | undefined; isTaken?: boolean }>

const appOpened = entryKind('app.open', 'opened the app')
const appShipped = entryKind('app.ship', 'shipped what answers for the app')
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
    async open(slug: string, id: PersonId, by?: TaskId): Promise<string | undefined> {
      const app = find(slug)
      if (app === undefined) return 'There is no such app.'
      const decision = ask({ kind: 'person', id }, 'app.open', app)
      if (decision.allowed)
        await openApp(world, decision.permit, { ...seen(app), facts: by ? { shippedBy: by } : {} })
      else await recordDenial(world, decision.record)
      return decision.allowed ? undefined : decision.denial.says
    },
    /**
     * Who asks to answer for an app, or ships what will; the runner, for what was shipped. Problem where nobody may;
     * else how to ask whether they still may.
     */
    async serve(req: IncomingMessage, slug: string, { ships, shipped, isTaken }: Asked) {
      checkHost(req, world)
      const { actor, isOver, by } = await callerFor(world, req, shipped)
      const app = find(slug)
      if (app === undefined) throw new Problem('not-found', { detail: 'There is no such app.' })
      if (shipped && isFinal(world, app, shipped)) throw problemOf('deployment-over', { slug })
      const decision = ask(actor, 'app.serve', app)
      if (!decision.allowed) {
        await recordDenial(world, decision.record)
        throw new Problem('denied', { detail: decision.denial.says })
      }
      if (isTaken) throw problemOf('deployed-elsewhere', { slug })
      const origin = ships === undefined ? undefined : originOf(by)
      const given = shipped ?? (origin && { ...origin, digest: ships })
      const tasks = ships === undefined || by === undefined ? [] : [subjectOf(taskTable, by)]
      await serveApp(world, decision.permit, { ...seen(app, tasks), facts: { ...given }, ships })
      // While it is paused nobody is shown anything; who answers need not come, and be refused, again and again.
      const isPaused = () => find(slug)?.state === 'paused'
      const over = () => isOver() ?? (isPaused() ? undefined : denied(slug, actor, 'app.serve'))
      return { over, origin }
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

/** Who shows a token; or the runner, by its key alone (RFC 9449 §4.3), on behalf of the identity that shipped. */
async function callerFor(world: AppsWorld, req: IncomingMessage, shipped: Shipped | undefined) {
  const shown = shownIn(req, world.issuer)
  if (shipped) {
    const proof = req.headers['dpop']?.toString() ?? ''
    const key = await world.proofs.check(proof, placeOf(req, world.issuer))
    if (key !== world.runner?.key) throw problemOf('token-not-accepted')
    const actor = { kind: 'identity', id: shipped.sub } as const
    return { actor, isOver: () => undefined, by: undefined }
  }
  if (shown === undefined) throw problemOf('bearer-missing')
  const caller = await verifyShown(world, shown)
  await checkShown(world.proofs, shown, caller)
  const { actor, validUntil } = caller
  const isOver = () => (validUntil <= world.clock.now() ? 'The sign-in is over.' : undefined)
  const by = caller.kind === 'identity' ? world.replica.get(taskTable, caller.taskId) : undefined
  return { actor, isOver, by }
}

/** For good: nothing of it may ever answer again. */
function isFinal({ clock, replica }: AppsWorld, app: Named, { sub }: Shipped): boolean {
  const isEnded = ['ending', 'ended', 'graduated'].includes(stateAt(app, clock.now()))
  return isEnded || replica.get(identityTable, sub)?.state !== 'active'
}

/** A run of CI, and the identity it was. Problem for what is none. */
function originOf(task: Image<TaskRow> | undefined): Origin {
  const { commit, run } = task?.provenance ?? {}
  if (task === undefined || typeof commit !== 'string' || typeof run !== 'string')
    throw problemOf('deployed-by-ci')
  return { sub: task.identityId, task: task.id, commit, run }
}

/** An app as it was when it was decided about. */
type Seen = { readonly appId: AppId } & Required<Pick<EntryText, 'subjects' | 'facts'>>
const seen = ({ id, version }: Named, more: Seen['subjects'] = []) => ({
  appId: id,
  subjects: [{ type: 'app', id, version }, ...more],
})

const openApp = verb('app.open', 'appId', async (scope, { appId: _, ...said }: Seen, by) => {
  requirePerson(by, 'open an app')
  scope.entry({ kind: appOpened, by, ...said })
})

type Serves = Seen & { readonly ships: string | undefined }
const serveApp = verb(
  'app.serve',
  'appId',
  async (scope, { appId: _, ships, ...said }: Serves, by) => {
    scope.entry({ kind: ships === undefined ? appServed : appShipped, by, ...said })
  },
)
