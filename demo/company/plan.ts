/**
 * The pretend company as it is to become: its people, its apps and what happens to each when. Made of a seed
 * and a time, and of nothing else; whoever plays it (`history.ts`) does so at a real server. Invented.
 */
import { addMs, type Instant } from '../../src/core/base/time.ts'
import { appList, type Fate, firstNames, lastNames, named } from './names.ts'

/** What a day of this company holds, as one may count it there. */
export const wanted = {
  people: 84,
  departments: 12,
  apps: 47,
  running: 28,
  waiting: 6,
  drifting: 3,
  ended: 6,
  graduated: 3,
  orphan: 1,
  unmanaged: 31,
  datasets: 6,
} as const

export interface Person {
  readonly sub: string
  readonly name: string
  readonly email: string
}

export interface PlannedApp {
  readonly slug: string
  readonly purpose: string
  readonly department: string
  readonly resource: string
  readonly owner: Person
  readonly backup: Person
  readonly fate: Fate
  /** Days before now. */
  readonly madeAgo: number
  readonly overAgo: number
  readonly days: number
  /** Minutes after midnight at which its owner is at work on it. */
  readonly minute: number
  readonly repository: string
  /** Days before now on which it works. */
  readonly worksAgo: readonly number[]
  /** Of those, on which it also tries what it may not. */
  readonly triesAgo: readonly number[]
}

export interface Plan {
  readonly seed: number
  readonly now: Instant
  readonly people: readonly Person[]
  readonly apps: readonly PlannedApp[]
}

export const historyDays = 30
const dayMs = 86_400_000

export function planCompany(seed: number, now: Instant): Plan {
  const random = randomOf(seed)
  const people = peopleOf(random)
  const staff = people.filter(({ sub }) => !named.some(each => each.sub === sub))
  const bySub = new Map(people.map(person => [person.sub, person]))
  const apps = appList.map(([slug, department, resource, fate, purpose, owner], i): PlannedApp => {
    const one = (owner && bySub.get(owner)) || pick(staff, random)
    const backup = pick(
      staff.filter(each => each !== one),
      random,
    )
    const times = timesOf(fate, random)
    const worksAgo = worksOf(slug, fate, times, random)
    return {
      slug,
      purpose,
      department,
      resource,
      fate,
      owner: one,
      backup: owner === 'lee' ? (bySub.get('maya') ?? backup) : backup,
      ...times,
      minute: 8 * 60 + Math.floor(random() * 8 * 60),
      repository: String(2001 + i),
      worksAgo,
      triesAgo: worksAgo.filter(() => random() < 0.35),
    }
  })
  return { seed, now, people, apps }
}

/** The midnight (UTC) before `now`, so many days ago, and minutes after it. */
export function at(now: Instant, daysAgo: number, minute: number): Instant {
  const midnight = Math.floor(Date.parse(now) / dayMs) * dayMs
  const offset = midnight - Date.parse(now)
  return addMs(now, offset - daysAgo * dayMs + minute * 60_000)
}

function timesOf(fate: Fate, random: () => number) {
  const between = (low: number, high: number) => low + Math.floor(random() * (high - low + 1))
  if (fate === 'ended' || fate === 'graduated') {
    const madeAgo = between(9, historyDays - 1)
    const overAgo = madeAgo - between(4, 7)
    // One that graduates does so before its date.
    return { madeAgo, overAgo, days: madeAgo - overAgo + (fate === 'graduated' ? 2 : 0) }
  }
  const madeAgo = fate === 'waiting' ? between(1, 4) : between(3, 10)
  return { madeAgo, overAgo: 0, days: madeAgo + between(2, 16) }
}

/** What is not used for three days is told of: each works every other day. */
function worksOf(
  slug: string,
  fate: Fate,
  { madeAgo, overAgo }: { madeAgo: number; overAgo: number },
  random: () => number,
): number[] {
  if (fate === 'waiting') return []
  const days: number[] = []
  for (let ago = madeAgo - 1; ago > overAgo; ago -= random() < 0.3 ? 1 : 2) days.push(ago)
  // The day before is the last of somebody who has left.
  return days.filter(ago => ago > (slug === 'night-import' ? 1 : 0))
}

function peopleOf(random: () => number): Person[] {
  const people: Person[] = named.map(({ sub, name }) => ({ sub, name, email: emailOf(sub) }))
  const taken = new Set(people.map(({ sub }) => sub))
  // One of all is the first person, whom the server itself has made.
  while (people.length < wanted.people - 1) {
    const [first, last] = [pick(firstNames, random), pick(lastNames, random)]
    const sub = `${first}.${last}`.toLowerCase()
    if (taken.has(sub)) continue
    taken.add(sub)
    people.push({ sub, name: `${first} ${last}`, email: emailOf(sub) })
  }
  return people
}

const emailOf = (sub: string) => `${sub}@acme.example`

export function pick<T>(list: readonly T[], random: () => number): T {
  const one = list[Math.floor(random() * list.length)]
  if (one === undefined) throw new Error('there is nothing to pick from')
  return one
}

/** Mulberry32: numbers that look random and are the same for a seed. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
