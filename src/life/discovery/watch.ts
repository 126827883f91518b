/**
 * Watch: of an adopted app, what policy denies of its use goes on for a while and is recorded as that. It
 * ends by itself. Held to policy again by one person; watched again by two.
 *
 * INVARIANT: never an app made here. The machine refuses it, the facts of a decision, and the database.
 */
import { changeApp } from '../../core/app/events.ts'
import { type AppRow, appTable } from '../../core/app/rows.ts'
import { readAgreed } from '../../core/approval/agreed.ts'
import { requestTable } from '../../core/approval/rows.ts'
import type { AppId, RequestId } from '../../core/base/ids.ts'
import type { JsonObject } from '../../core/base/json.ts'
import { requirePerson } from '../../core/base/permit.ts'
import { problemOf } from '../../core/base/problem.ts'
import { addMs, type Instant } from '../../core/base/time.ts'
import { lockKnown } from '../../core/ledger/fact-table.ts'
import { entryKind } from '../../core/ledger/kind.ts'
import { subjectOf } from '../../core/ledger/record.ts'
import { verb } from '../../core/ledger/verb.ts'
import { bounds } from './bounds.ts'

const appEnforced = entryKind('app.enforce', 'held the app to policy')
const appWatched = entryKind('app.watch', 'let the app be watched again')

/** Until when an app may be watched, asked for in days. Problem `invalid-field` beyond the bound. */
export function watchUntil(days: number, { endsAt }: Pick<AppRow, 'endsAt'>, now: Instant) {
  const until = addMs(now, days * 86_400_000)
  if (days <= bounds.watchDays && until <= endsAt) return until
  throw problemOf('watched-too-long', { watchDays: bounds.watchDays, endsAt, field: 'watchDays' })
}

export const enforceApp = verb(
  'app.enforce',
  'appId',
  async (scope, { appId }: { appId: AppId }, by) => {
    requirePerson(by, 'hold an app to policy')
    scope.entry({ kind: appEnforced, by })
    return changeApp(scope, appId, { kind: 'watch', until: null })
  },
)

/** Body of a request of kind `watch`: of the app as it is now, so that it takes effect once. */
export function proposeWatch(app: AppRow, days: number, now: Instant): JsonObject {
  if (app.origin !== 'adopted') throw problemOf('made-here-not-watched', { slug: app.slug })
  return { v: 1, appId: app.id, onto: app.version, until: watchUntil(days, app, now) }
}

/** Problem `hash-mismatch` where the app is another since it was asked; done before, nothing changes. */
export const watchAgreed = verb(
  'app.watch',
  'requestId',
  async (scope, { requestId }: { requestId: RequestId }, by) => {
    const { request, body } = await readAgreed(scope, requestId, 'watch')
    const app = await lockKnown(scope.tx, appTable, body['appId'] as AppId)
    const until = body['until'] as Instant
    if (app.watchedUntil === until) return app
    if (app.version !== body['onto'] || until <= scope.at)
      throw problemOf('changed-since-asked', { slug: app.slug })
    scope.entry({ kind: appWatched, by, subjects: [subjectOf(requestTable, request)] })
    return changeApp(scope, app.id, { kind: 'watch', until })
  },
)
