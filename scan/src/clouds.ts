/** Google Cloud and Entra (Azure): the connectors' own inventories, with the token that a person's own tool has. */
import { inventory as azureInventory } from '../../connectors/azure/inventory.ts'
import { type PersonAt as AzureAt, openPerson as openAzure } from '../../connectors/azure/look.ts'
import { inventory as gcpInventory } from '../../connectors/gcp/inventory.ts'
import { type PersonAt as GcpAt, openPerson as openGcp } from '../../connectors/gcp/look.ts'
import { sourceOf } from './inventory.ts'
import { type Going, openWay, type Reads } from './outgoing.ts'
import type { Source } from './source.ts'

/** Google takes 6,000 a minute of most of its lists; Graph says when it is too much. */
const gaps = { gcp: 20, azure: 20 }

export function openGcpSource(at: GcpAt, going: Going): Source {
  const name = `gcp:${at.project}`
  const looker = openGcp(at, openWay({ system: name, reads: gcpReads, gapMs: gaps.gcp }, going))
  return sourceOf(name, going, signal => ({ page: cursor => gcpInventory(looker, cursor, signal) }))
}

export function openAzureSource(at: AzureAt, going: Going): Source {
  const name = `azure:${at.tenant}`
  const way = openWay({ system: name, reads: azureReads, gapMs: gaps.azure }, going)
  const looker = openAzure(at, way)
  return sourceOf(name, going, signal => ({
    page: cursor => azureInventory(looker, cursor, signal),
  }))
}

/** INVARIANT: by its whole path. Google takes GET for the value of a secret, and POST for reading a policy. */
export const gcpReads: Reads = shapeIn([
  'GET /v1/projects/{project}/serviceAccounts',
  'GET /v1/projects/{project}/serviceAccounts/{account}/keys',
  'GET /v1/projects/{project}/locations/global/workloadIdentityPools',
  'GET /v1/projects/{project}/locations/global/workloadIdentityPools/{pool}/providers',
  'GET /v1/projects/{project}/locations/global/activityTypes/serviceAccountLastAuthentication/activities:query',
  'POST /v3/projects/{project}:getIamPolicy',
])

/** INVARIANT: by its whole path. What Graph takes GET for is the mail of people as well. */
export const azureReads: Reads = shapeIn([
  'GET /v1.0/applications',
  'GET /v1.0/applications/{id}/federatedIdentityCredentials',
  'GET /v1.0/servicePrincipals',
  'GET /v1.0/servicePrincipals/{id}/appRoleAssignments',
])

function shapeIn(shapes: readonly string[]): Reads {
  const known = shapes.map(shape => {
    const escaped = shape.replaceAll('.', String.raw`\.`).replaceAll(/\{\w+\}/g, '[\\w.@-]+')
    return [new RegExp(`^${escaped}$`), shape] as const
  })
  return (method, { pathname }) => known.find(([is]) => is.test(`${method} ${pathname}`))?.[1]
}
