/** Every route in one sentence: what the reference says. A route can not exist without its line there. */
import reference from './reference.json' with { type: 'json' }

export { reference }

export type Place = keyof typeof reference

/** Routes that make something: they answer 201 Created. */
// biome-ignore format: a list of names
export const creating: ReadonlySet<Place> = new Set<Place>([
  'POST /v1/apps', 'POST /v1/apps/:app/trust',
  'POST /v1/apps/:app/watch', 'POST /v1/apps/:app/share-with-all', 'POST /v1/apps/:app/graduate', 'POST /v1/requests', 'POST /v1/targets',
  'POST /v1/resources', 'POST /v1/leases', 'POST /v1/break-glass', 'POST /v1/leases/:lease/uses',
  'POST /v1/policy/propose', 'POST /v1/holds', 'POST /v1/people/:person/link',
  'POST /v1/passkeys',
])
