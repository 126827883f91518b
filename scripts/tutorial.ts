// The tutorial is a run: a copy of this tree is started as `npm start` does, and what is typed in the
// second terminal is typed. The page shows the outputs as they came; a test plays it again and compares
// what does not differ from run to run (`maskVolatile`).
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, dirname, join, relative } from 'node:path'

export interface Typed {
  readonly command: string
  readonly output: string
  readonly exit: number
}

export interface Played {
  /** What `npm start` says, from its first word to how it is stopped. */
  readonly start: string
  /** The five commands it prints, then what they lead to; each with its output and exit code. */
  readonly typed: readonly Typed[]
}

const root = dirname(import.meta.dirname)
const readyMs = 120_000
const commandMs = 60_000
const honestTries = 10
/** Of each command in turn: the changed certificate and the liar's are refused, nothing else. */
const exits = [0, 0, 0, 0, 0, 1, 1, 0, 0]
const certificate = 'demo/deal-desk.end.json'
const skipped = new Set(['node_modules', '.git', '.leasehold', 'console'])

/** Plays all of it in folders of its own, on a port of its own; nothing of it stays. */
export async function playTutorial(): Promise<Played> {
  const folder = mkdtempSync(join(tmpdir(), 'leasehold-tutorial-'))
  const clone = join(folder, 'clone')
  let server: ChildProcess | undefined
  try {
    chmodSync(folder, 0o711)
    cpSync(root, clone, { recursive: true, filter: source => !skipped.has(relative(root, source)) })
    symlinkSync(join(root, 'node_modules'), join(clone, 'node_modules'))
    const port = await freePort()
    const env = { PATH: process.env['PATH'] ?? '', HOME: folder, NO_COLOR: '1', TZ: 'UTC' }
    server = spawn(process.execPath, ['demo/start.ts'], {
      cwd: clone,
      env: { ...env, LEASEHOLD_PORT: String(port) },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const show = (text: string) => cleaned(text, port, folder)
    const start = show(await untilReady(server))
    const typed: Typed[] = []
    const type = async (command: string) => typed.push(await typeIn({ clone, env, show }, command))
    for (const command of commandsIn(start)) await type(command)
    changeOneLetter(join(clone, certificate))
    await type(`./lh verify ${certificate}`)
    await type('./lh verify demo/invoice-bot.end.json')
    // A look that began while it lied may still be under way.
    for (
      let tries = 0;
      !/green now/.test(typed.at(-1)?.output ?? '') && tries < honestTries;
      tries++
    ) {
      if (tries > 0) typed.pop()
      await type('./lh demo liar --honest')
    }
    await type('./lh verify demo/invoice-bot.end.json')
    return checked({ start, typed })
  } finally {
    if (server?.exitCode === null) {
      server.kill('SIGTERM')
      await once(server, 'exit')
    }
    removeElsewhere(clone)
    rmSync(folder, { recursive: true, force: true })
  }
}

/** A day that went wrong is no tutorial. */
function checked(played: Played): Played {
  const { start, typed } = played
  const wrong = typed.find(({ exit }, i) => exit !== exits[i])
  if (typed.length !== exits.length || wrong !== undefined)
    throw new Error(`${wrong?.command ?? start}\n${wrong?.output ?? 'prints other commands'}`)
  return played
}

/** The five, as printed. */
export function commandsIn(start: string): string[] {
  return [...start.matchAll(/^ {4}(\.\/lh \S.*?) {2,}\S/gm)].map(match => match[1] ?? '')
}

/** What every run has of its own: numbers but 0, times, random names, hashes; and how wide that is. */
export function maskVolatile(text: string): string {
  return text
    .replace(
      /^( *)(?:commit|CI run)?.*asserted by the CI token$/gm,
      '$1(commit) asserted by the CI token',
    )
    .replace(/\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) \d+ \w{3}\b/g, 'DAY')
    .replace(/\b(lhg?o?)_[a-z0-9]+_(?:([a-z_]+)_)?[a-z0-9]{26}\b/g, '$1_$2')
    .replace(/\b[DLRGTF]-[0-9A-Z]{5}\b/g, 'SHORT')
    .replace(/\b[0-9a-f]{4}…[0-9a-f]{2}\b|\b[0-9a-f]{8,64}…?/g, 'HASH')
    .replace(/\d[\d.:]*/g, number => (number === '0' ? '0' : 'N'))
    .replace(/ {2,}/g, '  ')
}

async function untilReady(server: ChildProcess): Promise<string> {
  let said = ''
  let errors = ''
  return new Promise((done, fail) => {
    const giveUp = (why: string) => fail(new Error(`npm start ${why}:\n${said}\n${errors}`))
    const timer = setTimeout(() => giveUp('was not ready in time'), readyMs)
    server.once('exit', () => giveUp('ended'))
    server.stderr?.setEncoding('utf8').on('data', (text: string) => {
      errors += text
      if (/^ {2}✕ /m.test(errors)) giveUp('failed')
    })
    server.stdout?.setEncoding('utf8').on('data', (text: string) => {
      said += text
      if (!/^ {2}Stop: .*\n/m.test(said)) return
      clearTimeout(timer)
      done(said)
    })
  })
}

interface Terminal {
  readonly clone: string
  readonly env: Readonly<Record<string, string>>
  readonly show: (text: string) => string
}

async function typeIn({ clone, env, show }: Terminal, command: string): Promise<Typed> {
  const child = spawn('sh', ['-c', command], { cwd: clone, env, timeout: commandMs })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  const [exit] = (await once(child, 'close')) as [number | null]
  return { command, output: show(output), exit: exit ?? 1 }
}

/** The port people have, no sign-in secret, no folder of ours, no blanks at the ends of lines. */
function cleaned(text: string, port: number, folder: string): string {
  return text
    .replaceAll(`:${port}`, ':4400')
    .replaceAll(folder, '…')
    .replace(/\?t=[\w-]+/g, '?t=…')
    .replace(/[ \t]+$/gm, '')
    .replace(/^\n+|\n+$/g, '')
}

/** The first letter of the signed payload becomes another. */
function changeOneLetter(file: string): void {
  const text = readFileSync(file, 'utf8')
  const at = text.indexOf('"payload": "') + 40
  writeFileSync(file, `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`)
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('a port is a number')
  return address.port
}

/** Run as root, the demo's PostgreSQL keeps its data where `nobody` may read it. */
function removeElsewhere(clone: string): void {
  const pointer = join(clone, '.leasehold/demo/postgres/elsewhere')
  if (!existsSync(pointer)) return
  const elsewhere = readFileSync(pointer, 'utf8').trim()
  if (basename(elsewhere).startsWith('leasehold-pg-'))
    rmSync(elsewhere, { recursive: true, force: true })
}

const told: readonly string[] = [
  `## 1. What was stolen

While the lease was alive, the demo kept a copy of everything a thief could take from the app: the word of its run, the task token,
the CI token. The database password was never there to be taken. Use them.`,
  `## 2. The certificate

It stands alone: the key table the root key signed, the signed statement, the entry in the log that holds its hash, and the
proof that this entry is in the log. Nothing is asked of the server; you may stop it first.`,
  `## 3. From the commit to the row

Each step says who vouches for it. \`asserted\` means that somebody said so and nobody could check it; nothing is filled in.`,
  `## 4. The same day under another rule

Every decision was recorded with the facts it was made on, so it can be made again: under the rules of that moment, where each
must come out byte for byte, and under a rule you bring. [demo/stricter.cedar](../demo/stricter.cedar) is ten lines.`,
  `## 5. The liar

A database behind a proxy that answers "dropped" and drops nothing. What it says is not what counts.`,
  `## 6. One letter

Change one letter inside \`payload\` of the certificate, in an editor, and check it again.`,
  `## 7. What is not green says so

The liar's certificate is signed and in the log like any other. It is not green, it says why, and \`verify\` ends with 1.`,
  `## 8. Let it stop lying

The end is tried again by itself until it is true; here you need not wait.`,
  `And its certificate, written anew:`,
]

/** The page: what was typed and what came, in between what it means. */
export function tutorialPage({ start, typed }: Played): string {
  const parts = typed.map(({ command, output, exit }, i) => {
    const said = exit === 0 ? '' : `\n\nIt ends with exit code ${exit}.`
    return `${told[i] ?? ''}\n\n\`\`\`console\n$ ${command}\n${output}\n\`\`\`${said}`
  })
  return `# Tutorial: ten minutes

*Written by \`node scripts/docs.ts tutorial\` from a real run; a test plays it again. Your names, times and numbers differ.*

You need Node 20 or newer with npm. The first \`npm start\` fetches what is missing, which takes about a minute and says so;
nothing leaves this machine, and everything is kept in the folder \`.leasehold\` of this clone (run as root, the
database's files lie below \`/var/tmp\`).

\`\`\`console
$ npm start

${start}
\`\`\`

The people are invented. The database is a real PostgreSQL, the CI tokens are signed by another program the way GitHub Actions
signs them, and the keys, the log and the proofs are the product's own. Leave it running, open a second terminal in the same
folder, and try to prove it wrong.

${parts.join('\n\n')}

## Where to go from here

- [Check everything without our code](how-to/verify-with-other-tools.md)
- [Connect your own PostgreSQL](connectors/postgres.md), then [run it for your company](how-to/run-for-your-company.md)
- [How it is built](../ARCHITECTURE.md), and [what it does not promise](../SECURITY.md)
`
}
