/** How the story is told: to a person in a terminal, line by line; without one, the same words in plain. */
import type { Tell } from './story.ts'

const wide = 84

export interface Teller {
  readonly tell: Tell
  line(text?: string): void
  /** A part that is ready, with the time it took at the right. */
  readonly part: (name: string, seconds: number) => void
}

export function teller(out: NodeJS.WriteStream): Teller {
  const colored = out.isTTY && process.env.NO_COLOR === undefined
  const green = (text: string) => (colored ? `\u001b[32m${text}\u001b[0m` : text)
  const red = (text: string) => (colored ? `\u001b[31m${text}\u001b[0m` : text)
  const marks = {
    accepted: () => `${green('●')} accepted`,
    refused: () => `${red('✕')} refused`,
    gone: (text: string) => `${green('●')} ${text}`,
  }
  const line = (text = '') => void out.write(`${text}\n`)
  const right = (left: string, mark: string, shown: number) =>
    `${left}${' '.repeat(Math.max(2, wide - left.length - shown))}${mark}`
  return {
    line,
    part: (name, seconds) =>
      line(`  ${green('✓')} ${name.padEnd(66)}${`${seconds.toFixed(1)} s`.padStart(8)}`),
    tell: (step, text, mark, more = []) => {
      if (step === null && mark !== undefined) {
        const said = mark === 'refused' ? `${red('✕')} ${text}` : marks.gone(text)
        line(right('', said, text.length + 2))
        return
      }
      const head = `  ${String(step ?? '').padStart(2)}  ${text}`
      if (mark === undefined) line(head)
      else line(right(head, mark === 'gone' ? marks.gone('gone') : marks[mark](), mark.length + 2))
      for (const each of more) for (const part of wrap(each, wide - 6)) line(`      ${part}`)
    },
  }
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(/(?<= )/)) {
    if (line.length + word.length > width && line !== '') {
      lines.push(line.trimEnd())
      line = '  '
    }
    line += word
  }
  return [...lines, line.trimEnd()]
}
