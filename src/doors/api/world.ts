/** What the API's routes need, built once in `main.ts`. */
import type { AnyId, PersonId, RequestId } from '../../core/base/ids.ts'
import type { TrustWorld } from '../../core/identity/trust.ts'
import type { Keys } from '../../core/keys/keys.ts'
import type { CheckpointWorld } from '../../core/ledger/checkpoint.ts'
import type { Vkey } from '../../core/ledger/note.ts'
import { installationTable } from '../../core/people/rows.ts'
import type { PolicyWorld } from '../../core/policy/decide.ts'
import type { OffboardWorld } from '../../life/offboard/run.ts'
import type { ShelterWorld } from '../../life/shelter/shelter.ts'
import type { Proofs } from '../../life/token/dpop.ts'
import type { DoctorView, InstallationView } from './contract.ts'
import type { Log } from './problem.ts'

export interface ApiWorld extends OffboardWorld, PolicyWorld, TrustWorld, ShelterWorld {
  readonly log: Log
  /** Where the pages of an app are opened, by its slug. */
  readonly addressOf: (slug: string) => string
  readonly issuer: string
  readonly proofs: Proofs
  readonly keys: Keys
  /** Who is asked, or was, about an app. */
  readonly approversOf: (appId: string) => ReadonlySet<PersonId>
  /** Carries out what was agreed: makes the grant, the rule, the bundle. Again is no harm. */
  readonly applyAgreed: (requestId: RequestId) => Promise<void>
  /** Waits until our own commits have positions and are applied: before reading the log back. */
  readonly settle: () => Promise<void>
  readonly checkpoints: CheckpointWorld
  readonly logVkeys: () => readonly Vkey[]
  readonly installationThing: () => { readonly type: 'installation'; readonly id: AnyId }
  readonly describeInstallation: () => Promise<InstallationView>
  readonly checkHealth: () => Promise<readonly DoctorView['checks'][number][]>
  /** Runs one job of the schedule now. */
  readonly runNow: (job: string) => Promise<void>
}

/** One person, who may be backup and answer for themselves where policy lets them. */
export function isSolo(world: ApiWorld): boolean {
  return world.replica.all(installationTable)[0]?.mode === 'solo'
}
