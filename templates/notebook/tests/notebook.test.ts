// The notebook: cells in the order they stand, a page on which nothing of the data acts, served on this machine alone.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { after, before, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { barsOf, cellsIn, shownOf } from '../src/cells.ts'
import type { Data } from '../src/data.ts'
import { pageOf, printed } from '../src/page.ts'
import { runCells } from '../src/run.ts'
import { syntheticRows } from '../src/synthetic.ts'

const columns = ['id', 'stage']
const data: Data = {
  kind: 'synthetic',
  resource: 'x',
  columns,
  rows: syntheticRows(columns, 20),
  says: '',
}
const cell = (code: string, says = '') => ({ says, code })
const run = (...codes: string[]) =>
  runCells(
    codes.map(code => cell(code)),
    data,
  )

test('words and cells stand as they were written', () => {
  const text = '# A\n\nwords\n\n```js\nshow(1)\n```\n\nmore\n\n```js\nshow(2)\n```\nlast\n'
  assert.deepEqual(cellsIn(text), [
    cell('show(1)\n', '# A\n\nwords'),
    cell('show(2)\n', 'more'),
    cell('', 'last'),
  ])
  assert.deepEqual(cellsIn(''), [])
})

test('the notebook of this folder runs to its end on synthetic rows', async () => {
  const text = readFileSync(new URL('../notebook.md', import.meta.url), 'utf8')
  const ran = await runCells(cellsIn(text), data)
  assert.deepEqual(
    ran.map(({ failed }) => failed),
    ran.map(() => ''),
  )
  assert.ok(ran.some(({ shown }) => shown.length > 0))
})

test('what one cell names the next knows', async () => {
  const ran = await run('const n = rows.length', 'show(n * 2)')
  assert.deepEqual(ran[1]?.shown, [{ text: '40' }])
})

test('a cell that fails says so, and those before it keep what they showed', async () => {
  const ran = await run('show(1)', 'nothing.here', 'show(3)')
  assert.deepEqual(
    ran.map(({ shown }) => shown.length),
    [1, 0, 0],
  )
  assert.deepEqual(
    ran.map(({ failed }) => failed !== ''),
    [false, true, false],
  )
  assert.match(ran[1]?.failed ?? '', /ReferenceError/)
})

test('a cell that can not be read is told where it stands', async () => {
  const ran = await run('show(1)', 'const = 2')
  assert.match(ran[1]?.failed ?? '', /SyntaxError/)
})

test('a cell that never ends is stopped', async () => {
  const ran = await runCells([cell('for (;;) {}')], data, 300)
  assert.match(ran[0]?.failed ?? '', /longer than 0\.3 s/)
})

test('cells are given rows and no way to read them: the variables of the run are not theirs', async () => {
  process.env['DATABASE_URL'] = 'postgresql://a:b@127.0.0.1:1/x'
  const ran = await run('show(Object.keys(process.env))')
  assert.deepEqual(ran[0]?.shown, [{ text: '[]' }])
})

test('a list of objects is a table, and long ones are cut with a word', () => {
  assert.deepEqual(shownOf([{ a: 1 }, { b: null }]), {
    columns: ['a', 'b'],
    rows: [
      ['1', '–'],
      ['–', '–'],
    ],
  })
  const long = shownOf(Array.from({ length: 300 }, () => ({ a: 1 })))
  assert.ok('rows' in long && long.rows.at(-1)?.[0] === '… and 100 more')
  assert.deepEqual(
    barsOf([
      ['x', 2],
      ['y', 1],
    ]),
    {
      columns: ['', '', ''],
      rows: [
        ['x', '█'.repeat(30), '2'],
        ['y', '█'.repeat(15), '1'],
      ],
    },
  )
})

const whose = { name: 'desk', says: 'Deals', owner: 'Maya', ends: 'Fri', waits: 'Tom was asked.' }
const real: Data = {
  ...data,
  kind: 'real',
  resource: 'crm.deals',
  columns: ['id'],
  rows: [{ id: '1' }],
}
const ran = [
  {
    says: '# A <b>\n\nwith `code`',
    code: 'show("<i>")',
    shown: [{ text: '<script>1</script>' }, { columns: ['a'], rows: [['<img src=x>']] }],
    failed: '',
  },
]

test('what data and people say is shown as letters', () => {
  const page = pageOf(whose, real, ran, 'abc')
  assert.doesNotMatch(page, /<script>1|<img|<b>|<i>/)
  assert.match(page, /<h1>A &lt;b&gt;<\/h1><p>with <code>code<\/code><\/p>/)
  assert.doesNotMatch(page, / style=|<style|<script>/)
})

test('which data it has is said on the page and in the terminal, a refusal in its own words', () => {
  assert.match(pageOf(whose, real, ran, ''), /● real data<\/strong> crm\.deals 1 rows/)
  assert.match(
    pageOf(whose, { ...real, kind: 'synthetic' }, ran, ''),
    /▲ synthetic data<\/strong> Tom/,
  )
  const refused: Data = { ...real, kind: 'refused', rows: [], says: 'rule app-not-running' }
  assert.match(printed(whose, refused, []), /^✕ refused: rule app-not-running/)
})

let app: ChildProcess
let port: number

before(async () => {
  const free = createServer()
  await once(free.listen(0, '127.0.0.1'), 'listening')
  port = (free.address() as AddressInfo).port
  await new Promise(done => free.close(done))
  const main = fileURLToPath(new URL('../src/notebook.ts', import.meta.url))
  app = spawn(process.execPath, [main], { env: { PORT: String(port) }, stdio: 'ignore' })
  for (let i = 0; i < 200 && (await ask('/healthz').catch(() => 0)) === 0; i++) await wait(50)
})
after(() => app.kill())

/** The status of the answer. */
async function ask(path: string, host = `127.0.0.1:${port}`, method = 'GET'): Promise<number> {
  const sent = request({ host: '127.0.0.1', port, path, method, headers: { host } }).end()
  const [answer] = await once(sent, 'response')
  answer.resume()
  return answer.statusCode
}

test('shows its page, and nothing else', async () => {
  assert.equal(await ask('/'), 200)
  for (const path of ['/state', '/page.css', '/page.js']) assert.equal(await ask(path), 200)
  assert.equal(await ask('/../notebook.md'), 404)
  assert.equal(await ask('/leasehold.yaml'), 404)
  assert.equal(await ask('/', undefined, 'POST'), 405)
})

test('a name from elsewhere that leads here is not served', async () => {
  assert.equal(await ask('/', 'evil.example'), 421)
  assert.equal(await ask('/', `localhost:${port}`), 200)
})

test('ends when it is told to', async () => {
  app.kill('SIGTERM')
  assert.deepEqual(await once(app, 'exit'), [0, null])
})
