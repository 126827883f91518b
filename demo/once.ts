/** `npm run demo -- --once --json`: the story in folders that are thrown away, and what came of it as one JSON object. */
import { parseArgs } from 'node:util'
import { startParts } from './parts.ts'
import { playStory, type Told } from './story.ts'
import { teller } from './tell.ts'

const { values } = parseArgs({
  options: { once: { type: 'boolean' }, json: { type: 'boolean' } },
  allowPositionals: false,
})
const out = teller(values.json === true ? process.stderr : process.stdout)
const parts = await startParts({ kept: false, port: 0 }, out.part)
try {
  const told = await playStory(parts, out.tell)
  if (values.json === true) process.stdout.write(`${JSON.stringify(resultOf(told))}\n`)
} finally {
  await parts.stop()
}

function resultOf(told: Told) {
  const { app, lease, denied, trace, certificate, log, replay, orphans, seconds } = told
  return {
    schema: 'leasehold/v1',
    app,
    lease: {
      id: lease.id,
      shortId: lease.shortId,
      principal: lease.principal,
      state: lease.state,
      outcome: lease.outcome,
    },
    denied: { rule: denied.rule, because: denied.because },
    trace: trace.hops.map(({ hop, name, state, by, entry }) => ({ hop, name, state, by, entry })),
    certificate,
    ledger: { entries: log.entries, root: log.root, verified: log.verified },
    replay: {
      decisions: replay.decisions,
      identical: replay.identical,
      changed: replay.changed.length,
    },
    orphans,
    seconds: Number(seconds.toFixed(2)),
  }
}
