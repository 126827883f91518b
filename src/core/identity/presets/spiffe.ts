/**
 * Trust in a workload of a SPIFFE trust domain, by its JWT-SVID (SPIFFE, "JWT-SVID" §3). The domain's bundle
 * has the keys. An SVID has no word for a run, so each is a task of its own, good for one key.
 *
 * INVARIANT: a rule binds one id, byte for byte, and nothing is normalised: no `..`, no `//`, no `%2e`.
 * ATTACKER: is registered at the domain's own server under another path. Paths are that server's to give.
 */
import type { MachinePreset } from './machine.ts'

export const spiffe: MachinePreset = {
  name: 'spiffe',
  replay: 'bound',
  members: {
    spiffe_id: {
      form: /^(?=.{1,2048}$)spiffe:\/\/[a-z0-9._-]{1,255}(\/(?!\.{1,2}(\/|$))[a-zA-Z0-9._-]+)+$/,
      says: 'must be one SPIFFE id, as spiffe://<trust domain>/<path>, exactly',
    },
  },
  needs: ['spiffe_id'],
  implied: {},
  anchor: 'spiffe_id',
  facts: {},
  words: { actor: 'spiffe_id' },
  run: ['run'],
  next: 'Look it up with: spire-server entry show',
}
