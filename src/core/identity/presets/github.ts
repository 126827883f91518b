/**
 * Trust in a GitHub Actions run (docs.github.com, "OpenID Connect reference").
 *
 * INVARIANT: a rule binds the immutable ids of repository and owner, the exact workflow file, and an
 * environment or a protected ref. Names alone bind nothing: they are given away again.
 * ATTACKER: opens a pull request, names a branch like an environment, takes over a freed name, or
 * customises `sub`. So `sub` is never read, and events that run other people's code are never trusted.
 */
import claims from './claims.json' with { type: 'json' }
import type { MachinePreset } from './machine.ts'

export const githubIssuer = 'https://token.actions.githubusercontent.com'

/** Events that run what somebody with the right to write has put there. */
export const githubEvents = ['push', 'workflow_dispatch', 'schedule', 'release', 'deployment']

const id = /^[1-9][0-9]{0,18}$/
const idSays = 'must be the number GitHub gave, as text; a name is not enough'

export const github: MachinePreset = {
  name: 'github',
  replay: 'once',
  members: {
    repository_owner_id: { form: id, says: idSays },
    repository_id: { form: id, says: idSays },
    event_name: {
      form: new RegExp(`^(${githubEvents.join('|')})$`),
      says: `lists what may start a run: ${githubEvents.join(', ')}. Pull requests run anybody's code`,
      byDefault: githubEvents,
    },
    job_workflow_ref: {
      form: /^[\w.-]+\/[\w.-]+\/\.github\/workflows\/[\w.-]+\.ya?ml@[^\s*?@]+$/,
      says: 'must be <owner>/<repository>/.github/workflows/<file>@<ref>, exactly',
    },
    job_workflow_sha: { form: /^[0-9a-f]{40}$/, says: 'must be a whole commit id' },
    environment: { form: /^[^\s*?][^*?]*$/, says: 'must be the name of one environment' },
    ref: { form: /^refs\/(heads|tags)\/[^\s*?]+$/, says: 'must be one ref, as refs/heads/main' },
  },
  needs: ['repository_owner_id', 'repository_id', 'job_workflow_ref', ['environment', 'ref']],
  // A ref is trusted only where the token says that it is protected.
  implied: { ref: ['ref_protected', 'true'] },
  anchor: 'repository_id',
  ...claims.github,
  run: ['repositoryId', 'run', 'attempt', 'job'],
  next: 'Look the ids up with: gh api repos/OWNER/REPO --jq ".id, .owner.id"',
}
