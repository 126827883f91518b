/**
 * Trust in a GitLab CI job, by an ID token (docs.gitlab.com, "OpenID Connect (OIDC) Authentication Using
 * ID Tokens"). Its token lives as long as its job may, so it is good for the holder of one key.
 *
 * INVARIANT: a rule binds the immutable ids of project and namespace, and a protected ref or a protected
 * environment. Any branch's job may name an environment: unprotected, its name says nothing.
 * ATTACKER: opens a merge request, renames a project, or customises `sub`, which is never read.
 */
import claims from './claims.json' with { type: 'json' }
import type { MachinePreset } from './machine.ts'

/** Sources of a pipeline that run what somebody with the right to write has put there. */
const sources = ['push', 'web', 'schedule', 'api']
const id = /^[1-9][0-9]{0,18}$/
const idSays = 'must be the number GitLab gave, as text; a path is not enough'

export const gitlab: MachinePreset = {
  name: 'gitlab',
  replay: 'bound',
  members: {
    namespace_id: { form: id, says: idSays },
    project_id: { form: id, says: idSays },
    pipeline_source: {
      form: new RegExp(`^(${sources.join('|')})$`),
      says: `lists what may start a pipeline: ${sources.join(', ')}. Merge requests run anybody's code`,
      byDefault: sources,
    },
    ci_config_ref_uri: {
      form: /^[\w.:-]+\/[^\s*?@]+@refs\/(heads|tags)\/[^\s*?]+$/,
      says: 'must be <host>/<project>//<file>@<ref>, exactly',
    },
    environment: { form: /^[^\s*?][^*?]*$/, says: 'must be the name of one environment' },
    ref: { form: /^[^\s*?]+$/, says: 'must be one branch or tag, as main' },
    ref_type: { form: /^(branch|tag)$/, says: 'must be branch or tag' },
  },
  needs: ['namespace_id', 'project_id', ['environment', 'ref']],
  implied: { ref: ['ref_protected', 'true'], environment: ['environment_protected', 'true'] },
  anchor: 'project_id',
  ...claims.gitlab,
  run: ['repositoryId', 'run', 'job'],
  next: 'Project id and namespace id stand in the answer of: glab api projects/GROUP%2FPROJECT',
}
