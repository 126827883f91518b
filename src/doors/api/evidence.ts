/** What people show where no look of ours can tell: files by their hash, and who says what by them. */
import { z } from '@hono/zod-openapi'
import { throwUnknown } from '../../core/ledger/fact-table.ts'
import { bounds } from '../../life/offboard/bounds.ts'
import * as evidence from '../../life/offboard/evidence.ts'
import { readBytes } from './body.ts'
import * as find from './find.ts'
import { GiveEvidence } from './inputs.ts'
import { EvidenceView, OffboardingView } from './proof-views.ts'
import { offboardingView, runOrWait } from './proofs.ts'
import type { Routes } from './route.ts'
import { flag, listOf } from './views.ts'
import type { ApiWorld } from './world.ts'

export function addEvidenceRoutes(routes: Routes, world: ApiWorld): void {
  routes.add('signed-in GET /v1/apps/:app/evidence', listOf(EvidenceView), async call => {
    const app = await find.appIn(world, call)
    return { items: await evidence.listEvidence(world.store, app.id) }
  })
  routes.add(
    'person POST /v1/apps/:app/evidence',
    OffboardingView,
    GiveEvidence,
    async ({ input, ...call }) => {
      const app = await find.appIn(world, call)
      const permit = await call.ask('offboard.evidence', 'app', app.id)
      const run = await call.ask('offboard.run', 'app', app.id)
      await evidence.giveEvidence(world, permit, { ...input, appId: app.id })
      // All of it is looked at once more, so that the certificate says this beside what was seen.
      await runOrWait(world, run, app.id)
      return offboardingView(world, app)
    },
  )
  const Stored = z.object({ stored: flag })
  routes.add('person PUT /v1/apps/:app/evidence/:hash', Stored, async call => {
    const app = await find.appIn(world, call)
    const permit = await call.ask('offboard.evidence', 'app', app.id)
    const bytes = await readBytes(call.context.req.raw.body, bounds.evidenceBytes, 'The file')
    await evidence.putFile(world.store, permit, { appId: app.id, hash: call.param('hash'), bytes })
    return { stored: true }
  })
  routes.add('signed-in GET /v1/apps/:app/evidence/:hash', null, async call => {
    const app = await find.appIn(world, call)
    const read = await evidence.readFile(world.store, app.id, call.param('hash'))
    const bytes = read ?? throwUnknown('file')
    // ATTACKER: shows a page as evidence. It is never anything but bytes to keep.
    const headers = {
      'content-type': 'application/octet-stream',
      'content-disposition': 'attachment',
      'cache-control': 'no-store',
    }
    return new Response(new Uint8Array(bytes), { headers })
  })
  routes.add('person POST /v1/apps/:app/evidence/:hash/erase', Stored, async call => {
    const app = await find.appIn(world, call)
    const permit = await call.ask('text.erase', 'app', app.id)
    await evidence.eraseFile(world, permit, { appId: app.id, hash: call.param('hash') })
    return { stored: false }
  })
}
