// What a run of the suite may be taken for.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { type Checks, judge, readChecks, readRequired } from './results.ts'

const good: Checks = [{ id: 'a', status: 'SUCCESS', description: 'does it' }]
const bad: Checks = [{ id: 'b', status: 'FAILURE', errorMessage: 'did not' }]

function written(folders: Record<string, unknown>): string {
  const root = mkdtempSync(join(tmpdir(), 'mcp-results-'))
  onTestFinished(() => rmSync(root, { recursive: true }))
  for (const [name, checks] of Object.entries(folders)) {
    mkdirSync(join(root, name))
    writeFileSync(join(root, name, 'checks.json'), JSON.stringify(checks))
  }
  return root
}

it('a failed check of a required scenario fails', () => {
  const outcomes = judge(['x'], new Map([['x', [...good, ...bad]]]))
  expect(outcomes).toEqual([
    { scenario: 'x', check: 'a', passed: true, detail: 'does it' },
    { scenario: 'x', check: 'b', passed: false, detail: 'did not' },
  ])
})

it('a scenario nobody requires neither passes nor fails', () => {
  const outcomes = judge(
    ['x'],
    new Map([
      ['x', good],
      ['extension', bad],
    ]),
  )
  expect(outcomes.map(({ scenario }) => scenario)).toEqual(['x'])
})

it('a required scenario without a verdict has failed', () => {
  const noted: Checks = [
    { id: 'a', status: 'INFO' },
    { id: 'b', status: 'SKIPPED' },
  ]
  const outcomes = judge(['silent', 'absent'], new Map([['silent', noted]]))
  expect(outcomes.map(({ scenario, passed }) => [scenario, passed])).toEqual([
    ['silent', false],
    ['absent', false],
  ])
})

it('a warning passes, and says that it is one', () => {
  const [outcome] = judge(
    ['x'],
    new Map([['x', [{ id: 'a', status: 'WARNING', errorMessage: 'hm' }]]]),
  )
  expect(outcome).toMatchObject({ passed: true, detail: 'warning: hm' })
})

it('the name of a scenario is what stands between its mode and its time', () => {
  const root = written({
    'server-tools-call-image-2026-01-02T03-04-05-678Z': good,
    'server-sep-2164-resource-not-found-2026-01-02T03-04-05-678Z': bad,
    'client-initialize-2026-01-02T03-04-05-678Z': bad,
  })
  expect([...readChecks(root)]).toEqual([
    ['sep-2164-resource-not-found', bad],
    ['tools-call-image', good],
  ])
})

it('of a client the name has no mode before it, and one of a server is not read as it', () => {
  const root = written({ 'iss-supported-2026-01-02T03-04-05-678Z': good, other: bad })
  expect([...readChecks(root, '')]).toEqual([['iss-supported', good]])
  expect([...readChecks(root)]).toEqual([])
})

it('checks of a status we do not know are not read as passed', () => {
  const root = written({ 'server-x-2026-01-02T03-04-05-678Z': [{ id: 'a', status: 'GREAT' }] })
  expect(() => readChecks(root)).toThrow(/status/)
})

it('a requirement set that asks servers for nothing is refused', () => {
  const set = 'server:\n  - a\n  - b\nclient:\n  - c\n'
  expect(readRequired(set)).toEqual(['a', 'b'])
  expect(readRequired(set, 'client')).toEqual(['c'])
  expect(() => readRequired('client:\n  - c\n')).toThrow(/server/)
  expect(() => readRequired('server: []\n')).toThrow(/server/)
})
