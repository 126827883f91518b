/** A change of the rules as a request: what exactly it makes of them, and who may agree. Pure. */
import type { PersonId } from '../../core/base/ids.ts'
import type { JsonObject } from '../../core/base/json.ts'
import { personTable } from '../../core/people/rows.ts'
import { type Bundle, openBundle, withFile } from '../../core/policy/bundle.ts'
import { lives, type View } from '../../core/policy/view.ts'

/**
 * Body of a request of kind `policy`. People agree to the file, to the rules it is added to and to
 * what comes of them: if either is another by then, it does not come into force. Problem
 * `invalid-field` names the line at fault.
 */
export function proposePolicy(held: Bundle, file: string): { body: JsonObject; bundle: Bundle } {
  const bundle = openBundle(withFile(held.text, file))
  return { body: { file, onto: held.hash, makes: bundle.hash }, bundle }
}

/** Living people with the role `security` or `platform`; who asks is taken out by the request. */
export function policyApprovers(view: View): PersonId[] {
  return view.replica
    .all(personTable)
    .filter(each => each.roles.some(role => role === 'security' || role === 'platform'))
    .map(each => each.id)
    .filter(id => lives(view, id))
}
