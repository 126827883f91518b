// What an agent is given in a folder, and the hook it runs: it stops what it finds, and what it can not judge.
import { execFileSync, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { newHome, run, type World } from '../../test/host.ts'

let world: World
const key = ['ghp', randomBytes(20).toString('hex')].join('_')
const read = (path: string) => JSON.parse(readFileSync(join(world.home, path), 'utf8')) as Shown
type Hook = { command: string; matcher?: string; failClosed?: boolean; hooks?: Hook[] }
type Server = { command: string; args: string[] }
type Shown = { mcpServers: Record<string, Server>; hooks: Record<string, Hook[]>; mine?: number }

beforeEach(() => {
  world = { home: newHome(), server: 'http://127.0.0.1:9' }
  return () => rm(world.home, { recursive: true })
})
const setup = (...more: string[]) => run(world, 'agent', 'setup', ...more)
const hook = (input: unknown) =>
  run(
    { ...world, input: typeof input === 'string' ? input : JSON.stringify(input) },
    'agent',
    'hook',
  )

test('writes what Claude Code, Cursor and VS Code read, and says which files', async () => {
  const { code, out } = await setup()
  expect(code).toBe(0)
  const files = [
    '.mcp.json',
    '.cursor/mcp.json',
    '.vscode/mcp.json',
    '.claude/settings.json',
    '.cursor/hooks.json',
    '.claude/skills/leasehold/SKILL.md',
  ]
  for (const file of files) expect(out).toContain(`✓ ${file}`)
  expect(read('.mcp.json').mcpServers['leasehold']?.args.slice(-2)).toEqual(['agent', 'mcp'])
  expect(read('.vscode/mcp.json')).toMatchObject({ servers: { leasehold: { type: 'stdio' } } })
  expect(read('.cursor/hooks.json').hooks['beforeShellExecution']?.[0]?.failClosed).toBe(true)
  const skill = readFileSync(join(world.home, '.claude/skills/leasehold/SKILL.md'), 'utf8')
  expect(skill).toMatch(/^---\nname: leasehold\ndescription: .+\n---\n/)
  expect(await setup()).toMatchObject({ code: 0, out: '● Everything was there already\n' })
})

test('what others have in those files stays, and ours is there once', async () => {
  mkdirSync(join(world.home, '.claude'))
  const theirs = { matcher: 'Bash', hooks: [{ type: 'command', command: 'theirs' }] }
  writeFileSync(
    join(world.home, '.claude/settings.json'),
    JSON.stringify({ mine: 1, hooks: { PreToolUse: [theirs], Stop: [theirs] } }),
  )
  writeFileSync(
    join(world.home, '.mcp.json'),
    JSON.stringify({ mcpServers: { other: { command: 'x', args: [] } } }),
  )
  await setup()
  writeFileSync(join(world.home, '.mcp.json'), JSON.stringify(read('.mcp.json')))
  await setup()
  const settings = read('.claude/settings.json')
  expect(settings.mine).toBe(1)
  expect(settings.hooks['PreToolUse']).toHaveLength(2)
  expect(settings.hooks['Stop']).toEqual([theirs])
  expect(Object.keys(read('.mcp.json').mcpServers)).toEqual(['other', 'leasehold'])
})

test('a file that can not be read is left as it is, and with --dry-run nothing is written', async () => {
  expect((await setup('--dry-run')).out).toContain('.mcp.json')
  expect(existsSync(join(world.home, '.mcp.json'))).toBe(false)
  writeFileSync(join(world.home, '.mcp.json'), '{ // mine\n')
  expect(await setup()).toMatchObject({ code: 2, err: expect.stringContaining('stays as it is') })
  expect(readFileSync(join(world.home, '.mcp.json'), 'utf8')).toBe('{ // mine\n')
})

test('nothing is written where a link leads out of the folder', async () => {
  const outside = newHome()
  symlinkSync(outside, join(world.home, '.claude'))
  expect((await setup()).code).toBe(2)
  expect(readdirSync(outside)).toEqual([])
})

test.each([
  [
    'a command of Claude Code',
    { tool_name: 'Bash', tool_input: { command: `curl -H "authorization: Bearer ${key}" x` } },
  ],
  [
    'a file it writes',
    { tool_name: 'Write', tool_input: { file_path: '.env', content: `A=1\nGITHUB=${key}` } },
  ],
  [
    'a part of many edits',
    { tool_name: 'MultiEdit', tool_input: { edits: [{ new_string: key }] } },
  ],
  ['a command of Cursor', { hook_event_name: 'beforeShellExecution', command: `export GH=${key}` }],
  [
    'an argument of a tool of others',
    { tool_name: 'mcp__x__y', tool_input: { deep: [{ er: { still: key } }] } },
  ],
])(
  '%s with a credential in it is stopped, with what to do, and the value is not said',
  async (_, input) => {
    const { code, out, err } = await hook(input)
    expect(code).toBe(2)
    expect(err).toContain('Stopped: this has a token of GitHub in it')
    expect(err).toContain('leasehold run --as <app> --need')
    expect(JSON.parse(out)).toMatchObject({ permission: 'deny' })
    expect(out + err).not.toContain(key.slice(4))
  },
)

test.each([
  ['a command without one', { tool_name: 'Bash', tool_input: { command: 'npm test' } }],
  [
    'our own',
    {
      tool_name: 'Bash',
      tool_input: { command: 'leasehold run --need crm.deals:read -- node x.js' },
    },
  ],
  ['code that reads the door', { tool_input: { content: 'connect(process.env.DATABASE_URL)' } }],
])('%s goes on, and nothing is said', async (_, input) => {
  expect(await hook(input)).toMatchObject({ code: 0, out: '', err: '' })
})

test.each([
  ['no JSON', 'not json'],
  ['nothing', ''],
  [
    'what is too deep',
    JSON.stringify(Array.from({ length: 20 }).reduce<unknown>(inner => [inner], 'x')),
  ],
  ['what is too long', JSON.stringify({ tool_input: { content: 'x'.repeat(5 * 1024 * 1024) } })],
])('%s is stopped: it could not be judged', async (_, input) => {
  expect(await hook(input)).toMatchObject({
    code: 2,
    err: expect.stringContaining('could not be read'),
  })
})

test('the line the agent runs stops also where we crash, or are not there', async () => {
  await setup()
  const line = read('.claude/settings.json').hooks['PreToolUse']?.[0]?.hooks?.[0]?.command ?? ''
  const good = spawnSync('sh', ['-c', line], {
    input: '{"tool_input":{"command":"ls"}}',
    cwd: world.home,
  })
  expect(good.status).toBe(0)
  const crashed = spawnSync('sh', ['-c', line], {
    input: '{}',
    cwd: world.home,
    env: { NODE_OPTIONS: '--no-such-option' },
  })
  expect(crashed.status).toBe(2)
  const gone = line.replace(/main\.ts/, 'gone.ts')
  expect(gone).not.toBe(line)
  expect(spawnSync('sh', ['-c', gone], { input: '{}' }).status).toBe(2)
  expect(() =>
    execFileSync('sh', ['-c', 'no-such-leasehold agent hook || exit 2'], { stdio: 'ignore' }),
  ).toThrow('Command failed')
})
