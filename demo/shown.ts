/** What the thief and the liar came to, as people are shown it. Pure. */
import { glyph, mark } from '../cli/src/answer.ts'
import type { DemoAnswer } from '../cli/src/demo-control.ts'
import { pad } from '../cli/src/text.ts'
import { clockTime } from '../cli/src/time.ts'

/** The kept copies, used now. */
export interface ThiefAnswer {
  readonly app: string
  /** Short id. */
  readonly lease: string
  /** What was tried, and what each said. */
  readonly tries: readonly {
    readonly what: string
    readonly refused: boolean
    readonly says: string
  }[]
  readonly aliveSeconds: number
  /** Path of the end certificate, relative to the clone. */
  readonly certificate: string
}

export interface LiarAnswer {
  readonly app: string
  /** Short id. */
  readonly lease: string
  /** `ended`, `looked again`, `tried the key`; `ok` false where it is bad news. */
  readonly steps: readonly { readonly what: string; readonly ok: boolean; readonly says: string }[]
  readonly state: 'not-green' | 'verified-gone'
  readonly green: number
  readonly of: number
  /** Path of the certificate as it is now, relative to the clone. */
  readonly certificate: string
  /** Instants of the next tries; empty when it is gone. */
  readonly nextTries: readonly string[]
}

export function showThief(seen: ThiefAnswer): DemoAnswer {
  const { lease, tries, aliveSeconds, certificate } = seen
  const lines = [
    `  The copy of ${lease}, taken while it was alive, used now:`,
    ...tries.map(each => `    ${pad(each.what, 15)} ${mark(!each.refused)} ${each.says}`),
    `  It was alive for ${aliveSeconds.toFixed(1)} s.   A leaked secret usually takes 27 days to remediate.`,
  ]
  const ok = tries.every(({ refused }) => refused)
  return { result: seen, lines, next: `leasehold verify ${certificate}`, ok }
}

export function showLiar(seen: LiarAnswer): DemoAnswer {
  const { app, green, of, certificate, nextTries } = seen
  const bad = (isGood: boolean) => (isGood ? '' : `${glyph.bad} `)
  const steps = seen.steps.map(({ what, ok, says }) => `    ${pad(what, 21)} ${bad(ok)}${says}`)
  const verify = `    leasehold verify ${certificate}`
  const next = 'leasehold new "what it should do"'
  if (seen.state === 'verified-gone') {
    const head = `  ${app}: ${glyph.ok} ${green} of ${of} verified gone.  The certificate is green now:`
    return { result: seen, lines: [...steps, head, verify], next, ok: true }
  }
  const tries = nextTries.map(each => clockTime(each).slice(0, 8)).join(', ')
  const counts = `${green} of ${of} verified gone.  ${of - green} still there.`
  const lines = [
    `  ${app} gets a lease at a pretend database that answers "dropped" and drops nothing.`,
    ...steps,
    `  ${app}: ${glyph.wait} ${counts}  The certificate is not green, and says so:`,
    `${verify}      exit 1`,
    `  Trying again at ${tries} …, until it is true. Owner and platform have been told.`,
    '  Now let it stop lying: leasehold demo liar --honest       (watch it turn green)',
    `  Your own app: ${next}`,
  ]
  return { result: seen, lines, ok: true }
}
