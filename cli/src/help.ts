/** Help: the first screen for builders, `help all` for everyone else, and one word at a time. */
import { exits, usage } from './problem.ts'
import { globals } from './program.ts'
import { pad } from './text.ts'
import { firstWords, parseWords, type Word } from './words.ts'

export function helpLines(asked: string): string[] {
  const words = parseWords()
  if (asked === 'all') return everything(words)
  if (asked === '')
    return [
      'Every app gets an owner, a purpose and an end. The end is proven.',
      ...words.filter(word => firstWords.includes(word.name)).map(line),
      'For platform and security: leasehold help all',
    ]
  const found = words.filter(({ name }) => name === asked || name.startsWith(`${asked} `))
  if (found.length === 0) throw usage(`There is no word \`${asked}\`.`, 'leasehold help all')
  return found.flatMap(word => [line(word), ...word.options.map(option => `      ${option}`)])
}

function everything(words: readonly Word[]): string[] {
  const groups = [...Map.groupBy(words, word => word.group)]
  const spaced = (name: string) => name.replace(/[A-Z]/g, each => ` ${each.toLowerCase()}`)
  const codes = Object.entries(exits).map(([name, code]) => `${code} ${spaced(name)}`)
  return [
    ...groups.flatMap(([group, members]) => [group, ...members.map(line)]),
    'Always',
    ...globals.map(([flags, says]) => `  ${pad(flags, 28)} ${says}`),
    `Exit codes: ${codes.join(' · ')}; \`run\` gives its command's own.`,
  ]
}

function line({ name, args, says }: Word): string {
  return `  ${pad([name, ...args].join(' '), 28)} ${says}`
}
