/**
 * The work an MCP client may be let do: of one app, by its identity `agent`, for one purpose, with one
 * resource. Pure reading of memory; asked when a person chooses, and again whenever the choice is used.
 * Whether the person may act for that identity at all is attested with each exchange, not here.
 */
import { stateAt } from '../../core/app/app.ts'
import { type AppRow, appTable } from '../../core/app/rows.ts'
import type { AppId, IdentityId, PersonId, ResourceId } from '../../core/base/ids.ts'
import type { DataAction } from '../../core/base/permit.ts'
import type { Clock, Instant } from '../../core/base/time.ts'
import * as data from '../../core/grant/rows.ts'
import { identityTable } from '../../core/identity/rows.ts'
import type { Image } from '../../core/ledger/fact-table.ts'
import type { Replica } from '../../core/ledger/replica.ts'

export interface WorkWorld {
  readonly replica: Replica
  readonly clock: Pick<Clock, 'now'>
  readonly issuer: string
}

export type ClientWork = {
  readonly appId: AppId
  readonly identityId: IdentityId
  readonly purpose: string
  readonly resourceId: ResourceId
}

export type Choice = ReturnType<typeof choicesIn>[number]

/** The canonical URI of an MCP server behind our gateway (RFC 8707): audience of tokens for it. */
export function mcpUri({ issuer }: Pick<WorkWorld, 'issuer'>, slug: string): string {
  return `${issuer}/mcp/${slug}`
}

/** Undefined alike for what is not there, is retired, or speaks something else. */
export function findMcp(replica: Replica, slug: string): Image<data.ResourceRow> | undefined {
  const [resource] = replica.by(data.resourceTable, 'slug', slug)
  const target = resource && replica.get(data.targetTable, resource.targetId)
  const isServed =
    resource?.state === 'active' && target?.state === 'active' && target.connector === 'mcp'
  return isServed ? resource : undefined
}

/** Of the apps this person owns or backs up. */
export function choicesOf(world: WorkWorld, personId: PersonId, resourceId: ResourceId): Choice[] {
  const owned = world.replica.by(appTable, 'ownerId', personId)
  const backedUp = world.replica.by(appTable, 'backupId', personId)
  const theirs = [...owned, ...backedUp.filter(({ ownerId }) => ownerId !== personId)]
  return theirs.flatMap(app => choicesIn(world, app, resourceId))
}

/** How a form names a choice. */
export function nameOf({ slug, work }: Choice): string {
  return `${slug} ${work.purpose}`
}

/** INVARIANT: looked at again at each refresh and each request, not only when it was chosen. */
export function isStanding(world: WorkWorld, personId: PersonId, work: ClientWork): boolean {
  const app = world.replica.get(appTable, work.appId)
  const isTheirs = app?.ownerId === personId || app?.backupId === personId
  return (
    isTheirs &&
    choicesIn(world, app, work.resourceId).some(
      each => each.work.identityId === work.identityId && each.work.purpose === work.purpose,
    )
  )
}

function choicesIn(
  { replica, clock }: WorkWorld,
  app: Pick<AppRow, 'id' | 'slug' | 'state' | 'endsAt'>,
  resourceId: ResourceId,
) {
  const now = clock.now()
  const identities = replica.by(identityTable, 'appId', app.id)
  const agent = identities.find(({ role, state }) => role === 'agent' && state === 'active')
  if (agent === undefined || stateAt(app, now) !== 'active') return []
  const purposes = replica.by(data.manifestTable, 'appId', app.id).flatMap(each => each.purposes)
  return purposes.flatMap(({ name: purpose }) => {
    const work = { appId: app.id, identityId: agent.id, purpose, resourceId }
    const actions = actionsOf(replica, work, now)
    return actions.length === 0 ? [] : [{ slug: app.slug, work, actions }]
  })
}

/** What the manifest needs for the purpose and one grant of the identity's role gives: the most of it. */
export function actionsOf(
  replica: Replica,
  { identityId, purpose, resourceId }: Omit<ClientWork, 'appId'>,
  now: Instant,
): readonly DataAction[] {
  const identity = replica.get(identityTable, identityId)
  const resource = replica.get(data.resourceTable, resourceId)
  if (identity === undefined || resource === undefined) return []
  const { appId, role } = identity
  const needed = replica
    .by(data.manifestTable, 'appId', appId)
    .flatMap(({ purposes }) => purposes.filter(({ name }) => name === purpose))
    .flatMap(({ needs }) => needs.filter(need => need.resource === resource.slug))
    .flatMap(({ actions }) => actions)
  const given = replica
    .by(data.grantTable, 'appId', appId)
    .filter(grant => grant.resourceId === resourceId && grant.roles.includes(role))
    .filter(grant => grant.state === 'live' && grant.endsAt > now)
    .map(({ actions }) => actions.filter(action => needed.includes(action)))
  return given.reduce((most, each) => (each.length > most.length ? each : most), [])
}
