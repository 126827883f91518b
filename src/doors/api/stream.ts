/**
 * The log as it grows, for pages that are looked at: server-sent events (WHATWG HTML §9.2). Each carries
 * positions, kinds and ids and nothing else; what became of a thing is asked of its own route, and decided
 * there. A stream is a position and no more: who reads slowly, or comes back, is told what they missed, or
 * that it is too much and all has to be read anew.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { Context } from 'hono'
import { type AnyId, isId } from '../../core/base/ids.ts'
import { Problem } from '../../core/base/problem.ts'
import { toMs } from '../../core/base/time.ts'
import type { Follower } from '../../core/ledger/follow.ts'
import type { FeedRow } from '../../core/ledger/rows.ts'
import { makeBell } from '../../core/ledger/sequence.ts'
import { decide } from '../../core/policy/decide.ts'
import type { AboutType } from '../../core/policy/question.ts'
import { findEntries } from '../../life/audit/rows.ts'
import { bounds } from './bounds.ts'
import { type CallerWorld, type PersonCaller, verifyShown } from './caller.ts'
import { sees } from './find.ts'
import { OfStream } from './inputs.ts'
import type { Routes } from './route.ts'
import { callerInSession } from './session.ts'
import type { ApiWorld } from './world.ts'

export type StreamWorld = ApiWorld & CallerWorld & { readonly follower: Follower }
type Seen = Pick<FeedRow, 'position' | 'kind' | 'subjects'>
/** Who listens, and how their stream is woken. */
interface Told {
  readonly caller: PersonCaller
  readonly context: Context
  readonly bell: ReturnType<typeof makeBell>
}

export function addStreamRoutes(routes: Routes, world: StreamWorld): void {
  const open = new Set<Told>()
  const recent: Seen[] = []
  world.follower.onEntry(({ position, kind, subjects }) => {
    recent.push({ position, kind, subjects })
    if (recent.length > 2 * bounds.streamEntries) recent.splice(0, bounds.streamEntries)
    for (const { bell } of open) bell.ring()
  })
  routes.add('person GET /v1/stream', null, OfStream, async ({ caller, context, input }) => {
    const from = startOf(context.req.header('last-event-id'), input.after)
    refuseMore([...open], caller)
    const told = { caller, context, bell: makeBell() }
    open.add(told)
    const events = tell(world, { open, recent }, told, from)
    const end = () => void (open.delete(told) && told.bell.ring())
    const body = new ReadableStream({
      async pull(to) {
        // Whatever fails ends it: the next one begins where this one was.
        const next = await events.next().catch(() => ({ value: undefined }))
        if (next.value !== undefined) return to.enqueue(Buffer.from(next.value))
        end()
        to.close()
      },
      cancel: end,
    })
    const headers = { 'content-type': 'text/event-stream', 'cache-control': 'no-store' }
    return new Response(body, { headers })
  })
}

/** The first position to tell; undefined where somebody only begins to listen. */
function startOf(last = '', after: number | undefined): number | undefined {
  if (last === '') return after === undefined ? undefined : after + 1
  if (/^\d{1,15}$/.test(last)) return Number(last) + 1
  const detail = '`Last-Event-ID` must be a position of the log.'
  throw new Problem('bad-request', { field: 'Last-Event-ID', detail, next: 'Leave it out.' })
}

function refuseMore(open: readonly Told[], { personId }: PersonCaller): void {
  const own = open.filter(({ caller }) => caller.personId === personId).length
  if (own < bounds.streamsOfOne && open.length < bounds.streams) return
  const detail = `${open.length} streams are open here, ${own} of them yours: no more fit.`
  throw new Problem('rate-limited', { detail, next: 'Close a window, or ask the lists instead.' })
}

async function* tell(
  world: StreamWorld,
  { open, recent }: { readonly open: ReadonlySet<Told>; readonly recent: readonly Seen[] },
  told: Told,
  from: number | undefined,
): AsyncGenerator<string, undefined> {
  let next = from ?? world.follower.position
  let checkedMs = toMs(world.clock.now())
  yield 'retry: 2000\n\n'
  for (;;) {
    // INVARIANT: nobody is told anything whose sign-in was not seen to stand a moment ago.
    if (toMs(world.clock.now()) - checkedMs > bounds.streamCheckMs) {
      if (!(await isSignedIn(world, told))) return
      checkedMs = toMs(world.clock.now())
    }
    if (!open.has(told)) return
    const size = world.follower.position
    const news = await entriesOf(world, recent, next, size)
    next = size
    const shown = news?.length ? news.filter(readable(world, told.caller)) : []
    // The id is where to read on. Without entries it says that all is well, and how far the log is.
    const data = JSON.stringify(shown, ['position', 'kind', 'subjects'])
    yield `id: ${size - 1}\nevent: ${news ? 'entries' : 'reload'}\ndata: ${data}\n\n`
    await wait(bounds.streamPaceMs)
    if (next === world.follower.position) await told.bell.wait(bounds.streamBeatMs)
  }
}

/** Undefined: too many to be told one by one, or a log that is shorter than what was seen of it. */
async function entriesOf(world: StreamWorld, recent: readonly Seen[], from: number, size: number) {
  if (from > size || size - from > bounds.streamEntries) return undefined
  const oldest = recent[0]?.position ?? size
  if (oldest <= from) return recent.slice(from - oldest, size - oldest)
  return findEntries(world.store, { after: from - 1 }, size - from)
}

/** What the log would show them: decided now, of the same as there. */
function readable(world: StreamWorld, caller: PersonCaller): (entry: Seen) => boolean {
  const isSeen = sees(world, caller)
  const may = (type: AboutType, id: AnyId) =>
    decide(world, { actor: caller.actor, action: 'log.read', about: { type, id } }).allowed
  const known = new Map<string, boolean>()
  const isAll = may('installation', world.installationThing().id)
  const isTheirs = (id: string) =>
    isId('app', id) && known.getOrInsertComputed(id, () => isSeen(id) && may('app', id))
  return ({ subjects }) => isAll || subjects.some(isTheirs)
}

/** The same session or token as at the start, and still the same person's. */
async function isSignedIn(world: StreamWorld, { caller, context }: Told): Promise<boolean> {
  const token = context.req.header('authorization')?.split(' ')[1]
  const now = await (token ? verifyShown(world, { token }) : callerInSession(world, context))
  return now?.kind === 'person' && now.personId === caller.personId
}
