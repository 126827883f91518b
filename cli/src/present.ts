/**
 * The one place that writes. Results go to stdout, everything else to stderr; each line passes
 * `safeLine` here, so no word can forget it. Colour is put on afterwards, and only on glyphs.
 */
import type { DenialView } from '../../src/doors/api/contract.ts'
import { type Answer, glyph } from './answer.ts'
import type { Host, Sink } from './host.ts'
import { exits, type Problem } from './problem.ts'
import { named, pad, safeJson, safeLine, shortIds } from './text.ts'

/** `command` is how the person calls us from where they are: `leasehold`, or `./lh` in a clone. */
export type Style = { isJson: boolean; isPlain: boolean; isQuiet: boolean; command: string }

export class Presenter {
  readonly #host: Host
  readonly #style: Style

  constructor(host: Host, style: Style) {
    this.#host = host
    this.#style = style
  }

  /** Answers the exit code. */
  answer({ result, lines = [], table, next, exit = exits.ok }: Answer): number {
    if (this.#style.isJson && result !== undefined) {
      const status = { [exits.ok]: 'ok', [exits.waiting]: 'action_required' }[exit] ?? 'failed'
      this.#json({ status, result, next: this.#steps(next) })
      return exit
    }
    for (const line of lines) this.#line(this.#host.stdout, line)
    if (table) this.#table(table)
    if (next !== undefined && !this.#style.isQuiet) this.note(`  Next: ${next}`)
    return exit
  }

  problem({ text }: Problem, needsJson: boolean): number {
    const { code, exit, what, why, next, ref = code, denial } = text
    const isHuman = exit === exits.needsPerson
    const isOpen = isHuman || exit === exits.waiting
    const status = isOpen ? 'action_required' : ({ 0: 'ok', 65: 'denied' }[exit] ?? 'error')
    const said = { status, reason: code, message: what, why, human_required: isHuman, denial }
    if (this.#style.isJson || needsJson) this.#json({ ...said, next: this.#steps(next), ref, exit })
    this.note(`${exit === exits.ok ? glyph.off : glyph.bad} ${what}`)
    if (denial) for (const line of denialLines(denial)) this.note(line)
    if (why !== undefined) this.note(`  Why   ${why}`)
    this.note(`  Next  ${next}`)
    this.note(`  Ref   ${ref}`)
    return exit
  }

  /** Progress and messages: never part of the result. */
  note(text: string): void {
    if (!this.#style.isJson) this.#line(this.#host.stderr, text)
  }

  #json(body: object): void {
    this.#host.stdout.write(`${safeJson({ schema: 'leasehold/v1', ...body })}\n`)
  }

  #steps(next: string | undefined): { command: string }[] {
    return next === undefined ? [] : [{ command: this.name(next) }]
  }

  /** Columns at a terminal, tabs in a pipe. */
  #table(rows: readonly (readonly string[])[]): void {
    const { stdout } = this.#host
    const isColumns = stdout.isTTY === true && !this.#style.isPlain
    const cells = rows.map(row => row.map(cell => safeLine(shortIds(cell), isColumns ? 60 : 1000)))
    const widths = rows[0]?.map((_, i) => Math.max(...cells.map(row => [...(row[i] ?? '')].length)))
    for (const row of cells)
      if (isColumns)
        this.#line(stdout, row.map((cell, i) => pad(cell, widths?.[i] ?? 0)).join('  '))
      else stdout.write(`${row.join('\t')}\n`)
  }

  #line(sink: Sink, text: string): void {
    sink.write(`${this.#paint(safeLine(this.name(shortIds(text))), sink).trimEnd()}\n`)
  }

  /** Commands in a text, as they must be typed from here. */
  name(text: string): string {
    return text.replace(/(?<=^|[\s`])(?:leasehold|\.\/lh)(?= ["a-z-])/g, this.#style.command)
  }

  #paint(line: string, sink: Sink): string {
    if (this.#style.isPlain) return line.replace(/[●✕✓▲■○]/gu, each => plain[each] ?? each)
    if (!hasColour(this.#host.env, sink)) return line
    const colour = (mark: string, code: number) => `\u001b[${code}m${mark}\u001b[39m`
    return line.replace(/[●✕]/gu, mark => colour(mark, mark === glyph.ok ? 32 : 31))
  }
}

const plain: Readonly<Record<string, string>> = Object.fromEntries(
  ['●*', '✕x', '✓+', '▲!', '■#', '○o'].map(pair => [pair.charAt(0), pair.charAt(1)]),
)

/** Rule, facts, the smallest change, what is allowed instead: the same wherever a "no" is shown. */
export function denialLines({ rule, says, because, wouldPassIf, instead }: DenialView): string[] {
  const label = (text: string, i = 0) => `  ${(i === 0 ? text : '').padEnd(14)}`
  return [
    `${label('Rule')}${rule}: ${says}`,
    ...because.map(({ fact, is, needs, from }, i) => {
      const source = from === undefined ? '' : `   (${from})`
      return `${label('Because', i)}${fact} is ${is}, needs ${needs}${source}`
    }),
    `${label('Would pass if')}${wouldPassIf}`,
    ...instead.map((each, i) => `${label('Instead', i)}${each.says}   ${named(each.command)}`),
  ]
}

function hasColour(env: Host['env'], sink: Sink): boolean {
  const forced = env['FORCE_COLOR'] ?? ''
  if (forced !== '') return forced !== '0'
  return (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb' && sink.isTTY === true
}
