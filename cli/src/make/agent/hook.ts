/**
 * What an agent runs before each tool of its own: a command or a file with a credential in it is stopped, and the agent
 * is told the right command. INVARIANT: it stops what it can not judge; whoever calls it turns every other exit than 0
 * into 2, so that it stops also where it crashes or is not there. The value itself is said nowhere.
 *
 * Exit 2 stops the tool, its stderr is read by the agent: code.claude.com/docs/en/hooks, "Exit code 2 behavior";
 * cursor.com/docs/agent/hooks, which reads `permission` on stdout too.
 */
import { type Answer, glyph } from '../../answer.ts'
import { type Cli, folderApp } from '../../cli.ts'
import { credentialsIn } from './credentials.ts'

const mostBytes = 8 * 1024 * 1024
const stops = 2
const deep = 12

export async function hook({ host, out }: Cli): Promise<Answer> {
  let kinds: string[]
  try {
    const text = await readAll(host.stdin)
    kinds = [...new Set(textsIn(JSON.parse(text) as unknown, 0).flatMap(credentialsIn))]
  } catch {
    kinds = ['something that could not be read']
  }
  if (kinds.length === 0) return { result: undefined }
  const app = folderApp(host.cwd) ?? '<app>'
  const says = [
    `${glyph.bad} Stopped: this has ${kinds.join(', ')} in it. A credential in a command or a file is there for good.`,
    `  Do instead   leasehold run --as ${app} --need <resource>:read -- <command>`,
    '               It gets what it needs in its environment, for as long as it runs: process.env.DATABASE_URL.',
    '  Tell the user  "I did not use that key. It should be revoked where it was made: it has been in our talk."',
  ]
  for (const line of says) out.note(line)
  const told = out.name(says.join(' ').replaceAll(/ +/g, ' '))
  host.stdout.write(
    `${JSON.stringify({ permission: 'deny', user_message: told, agent_message: told })}\n`,
  )
  return { result: undefined, exit: stops }
}

/** Every text of what the tool was to be given, wherever it is. */
function textsIn(value: unknown, depth: number): string[] {
  if (typeof value === 'string') return [value]
  if (typeof value !== 'object' || value === null) return []
  if (depth > deep) throw new Error('too deep to be looked at')
  return Object.entries(value).flatMap(([name, inner]) =>
    // Beside its name a value is told apart from chance.
    [`${name}=${typeof inner === 'string' ? inner : ''}`, ...textsIn(inner, depth + 1)],
  )
}

async function readAll(stdin: AsyncIterable<unknown>): Promise<string> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of stdin) {
    const bytes = Buffer.from(part as Buffer)
    size += bytes.length
    if (size > mostBytes) throw new Error('too long to be looked at')
    parts.push(bytes)
  }
  return Buffer.concat(parts).toString('utf8')
}
