/**
 * What was typed becomes a call: words and options by commander, its complaints in our form. And help:
 * the first screen for builders, `help all` for everyone else, and one word at a time.
 */
import { Command, CommanderError, Option } from 'commander'
import { exits, type Problem, usage } from './problem.ts'
import { pad } from './text.ts'
import { firstWords, parseWords, type Word } from './words.ts'

/** Options that every word has. */
export const globals: readonly (readonly [flags: string, says: string])[] = [
  ['--json', 'one JSON object, schema leasehold/v1'],
  ['--plain', 'no colour, no columns, plain glyphs'],
  ['--no-input', 'never ask: fail with exit 64 instead'],
  ['--yes', 'yes to what would be asked'],
  ['--dry-run', 'say what would be sent, change nothing'],
  ['--server <url>', 'which server'],
  ['--as <app>', 'which app, or app/role'],
  ['--cwd <folder>', 'as if run there'],
  ['-q, --quiet', 'the result alone'],
]

export type Parsed =
  | { help: string }
  | { word: Word; args: string[]; options: Readonly<Record<string, unknown>> }

export function parseArgv(argv: readonly string[]): Parsed {
  // Never what stands behind `--`: that is somebody else's command.
  const own = argv.slice(0, argv.includes('--') ? argv.indexOf('--') : argv.length)
  const names = own.filter(each => !each.startsWith('-'))
  if (names[0] === 'help') return { help: names.slice(1).join(' ') }
  // A word that is only the first half of others lists them.
  let parsed: Parsed = { help: names.join(' ') }
  if (argv.length === 0 || own.includes('--help') || own.includes('-h')) return parsed
  const words = parseWords()
  const root = quiet(new Command('leasehold'))
  for (const [flags, says] of globals) root.option(flags, says)
  for (const word of words) {
    const command = commandOf(root, word)
    command.action(() => {
      const args = command.processedArgs.flat().filter(each => typeof each === 'string')
      parsed = { word, args, options: command.optsWithGlobals() }
    })
  }
  try {
    root.parse(argv, { from: 'user' })
    return parsed
  } catch (error) {
    if (error instanceof CommanderError && error.code === 'commander.help') return parsed
    if (error instanceof CommanderError) throw complaint(error.message, names, words)
    throw error
  }
}

/** `request withdraw` hangs below `request`. */
function commandOf(root: Command, { name, args, options }: Word): Command {
  let at = root
  for (const part of name.split(' '))
    at = at.commands.find(each => each.name() === part) ?? quiet(at.command(part))
  for (const argument of args) at.argument(argument)
  for (const flags of options) {
    const option = new Option(flags.replace('...', ''))
    if (flags.includes('...')) option.argParser((value, before) => [before ?? [], value].flat())
    at.addOption(option)
  }
  return at
}

function quiet(command: Command): Command {
  const silent = { writeOut: () => {}, writeErr: () => {} }
  return command.exitOverride().configureOutput(silent).helpOption(false).helpCommand(false)
}

/** `error: unknown command 'statsu'\n(Did you mean status?)` as one of our own. */
function complaint(message: string, typed: readonly string[], words: readonly Word[]): Problem {
  const [first = '', more = ''] = message.replace(/^error: |\.$/g, '').split('\n')
  const what = `${first.charAt(0).toUpperCase()}${first.slice(1)}. ${more.replace(/[()]/g, '')}`
  const isTyped = ({ name }: Word) => `${typed.join(' ')} `.startsWith(`${name} `)
  return usage(what.trim(), `leasehold help ${words.findLast(isTyped)?.name ?? 'all'}`)
}

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
  // Of no group is what programs ask.
  const groups = [...Map.groupBy(words, word => word.group)].filter(([group]) => group !== '')
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
