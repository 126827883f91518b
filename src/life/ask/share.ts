/** That everybody who signs in here may open an app: asked by its owner, agreed to by somebody else. */
import { changeApp } from '../../core/app/events.ts'
import { type AppRow, appTable } from '../../core/app/rows.ts'
import { readAgreed } from '../../core/approval/agreed.ts'
import { requestTable } from '../../core/approval/rows.ts'
import type { AppId, RequestId } from '../../core/base/ids.ts'
import { problemOf } from '../../core/base/problem.ts'
import { lockKnown } from '../../core/ledger/fact-table.ts'
import { entryKind } from '../../core/ledger/kind.ts'
import { subjectOf } from '../../core/ledger/record.ts'
import { verb } from '../../core/ledger/verb.ts'

const sharedWithAll = entryKind('app.share-with-all', 'let everybody open the app')

/** Body of a request of kind `share`: of the app as it is now, so that it takes effect once. */
export const proposeShare = ({ id, version }: AppRow) => ({ v: 1, appId: id, onto: version })

/**
 * Problem `hash-mismatch` where the app is another since it was asked; done before, nothing changes. People
 * it was shared with stay, for when it is not everybody any more.
 *
 * ATTACKER: whoever agreed says their old yes again, after the owner took it back.
 */
export const shareAgreed = verb(
  'app.share',
  'requestId',
  async (scope, { requestId }: { requestId: RequestId }, by) => {
    const { request, body } = await readAgreed(scope, requestId, 'share')
    const app = await lockKnown(scope.tx, appTable, body['appId'] as AppId)
    if (app.openTo.includes('*')) return app
    if (app.version !== body['onto']) throw problemOf('changed-since-asked', { slug: app.slug })
    scope.entry({ kind: sharedWithAll, by, subjects: [subjectOf(requestTable, request)] })
    return changeApp(scope, app.id, { kind: 'share', openTo: ['*', ...app.openTo] })
  },
)
