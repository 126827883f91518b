/**
 * What can not be done, for people and programs: what, why, the next step, a reference. The next
 * step is required by the type: nobody is left standing.
 */
import type { DenialView } from '../../src/doors/api/contract.ts'

/** What the shell is told. `run` gives its command's own code, 125 when it could not start it. */
export const exits = {
  ok: 0,
  failed: 1,
  usage: 2,
  needsPerson: 64,
  denied: 65,
  waiting: 66,
  unreachable: 69,
  internal: 70,
  tryAgain: 75,
  notSignedIn: 77,
  notStarted: 125,
} as const

export interface ProblemText {
  /** For programs: a code of the server's table, or one of ours (`LH-…`). */
  readonly code: string
  readonly exit: number
  readonly what: string
  readonly why?: string | undefined
  /** To copy: a command beginning with ours, or one sentence. */
  readonly next: string
  /** Where there is more: a decision, a request id; else the code. */
  readonly ref?: string | undefined
  readonly denial?: DenialView | undefined
}

export class Problem extends Error {
  readonly text: ProblemText

  constructor(text: ProblemText, cause?: unknown) {
    super(text.what, { cause })
    this.name = 'Problem'
    this.text = text
  }
}

export function usage(what: string, next: string): Problem {
  return new Problem({ code: 'LH-USE-02', exit: exits.usage, what, next })
}

export function failed(what: string, next: string, why?: string): Problem {
  return new Problem({ code: 'LH-FAIL-01', exit: exits.failed, what, next, why })
}

/** Ours: code, exit, what, why, next. `{…}` is filled by what was there. */
const table = `
LH-DRY-00 0 | Would send {what} | Nothing was changed. | Leave out --dry-run to do it.
LH-AUTH-01 77 | You are not signed in. | | leasehold login
LH-HUMAN-09 64 | {what} | {why} | A person, in a terminal: {next}
LH-NET-05 69 | Cannot reach {host} ({how}).
  | What you hold stays valid until its term ends; anything new needs the server. | {next}
LH-NET-12 69 | {host} leads to another place, and we do not follow.
  | Your sign-in is for that one server and is sent nowhere else. | leasehold doctor
LH-NET-13 70 | That is not an answer of ours (status {status}).
  | Something else listens there, or it is another version than this command. | leasehold doctor
LH-CLOCK-10 1 | This computer's clock is {minutes} min off: tokens are refused.
  | | Set the clock, then run this again.
LH-KEY-14 1 | The root key of {host} is not the one you know: {how}.
  | Either the installation was made anew, or somebody else answers for it.
  | Ask whoever runs it for its fingerprint, then: leasehold login --root FINGERPRINT
LH-LOG-16 1 | THE LOG IS NOT THE ONE SEEN BEFORE: its {now} entries do not begin with those {before}.
  | It was put back to an earlier state, or somebody changed what was written.
  | Trust nothing of this server. Keep this computer as it is, and tell your security people.
LH-RUN-03 127 | \`{command}\` not found. Leasehold started fine; your command did not.
  | | Check the name, or install it.
LH-RUN-04 125 | One of the words after \`--\` is empty.
  | Your shell replaced a variable before Leasehold could fill it.
  | Use single quotes: leasehold run … -- sh -c 'echo $DATABASE_URL'
LH-BUG-99 70 | Something broke in this command; it is a bug of ours.
  | {why} | Run it again with LEASEHOLD_DEBUG=1 and report what it says.
`

type Fill = Readonly<Record<string, string>>

export function problem(code: string, fill: Fill, cause?: unknown): Problem {
  const rows = table.trim().replaceAll('\n  |', ' |').split('\n')
  const put = (text: string) => text.replace(/\{(\w+)\}/g, (_, name: string) => fill[name] ?? '')
  const [head = '', ...texts] = rows.find(row => row.startsWith(`${code} `))?.split(/ ?\| /) ?? []
  const [what = code, why = '', next = 'leasehold doctor'] = texts.map(put)
  const exit = Number(head.split(' ')[1] ?? exits.internal)
  return new Problem({ code, exit, what, why: why === '' ? undefined : why, next }, cause)
}
