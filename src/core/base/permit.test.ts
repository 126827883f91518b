import { expect, it } from 'vitest'
import { type AppId, newId, systemId } from './ids.ts'
import { actionNames, checkPermit, issuePermit, type Permit } from './permit.ts'
import { fromMs } from './time.ts'

function permitFor(about: AppId): Permit<'app.extend'> {
  return issuePermit({
    action: 'app.extend',
    actor: systemId('app-sweep'),
    about,
    decisions: [],
    decidedAt: fromMs(0),
  })
}

it('a permit is good for its action and its thing', () => {
  const about = newId('app')
  expect(() => checkPermit(permitFor(about), 'app.extend', about)).not.toThrow()
})

it('a permit for one thing is refused for another, and for another action', () => {
  const about = newId('app')
  expect(() => checkPermit(permitFor(about), 'app.extend', newId('app'))).toThrow(/used for/)
  const forged = permitFor(about) as unknown as Permit<'app.end'>
  expect(() => checkPermit(forged, 'app.end', about)).toThrow(/used for app.end/)
})

it('a permit can not be changed after it was made, also by whoever asked for it', () => {
  const draft = {
    action: 'app.extend' as const,
    actor: systemId('app-sweep'),
    about: newId('app'),
    decisions: [],
    decidedAt: fromMs(0),
  }
  const permit = issuePermit(draft)
  const first = permit.about
  draft.about = newId('app')
  expect(permit.about).toBe(first)
  expect(() => Object.assign(permit, { about: draft.about })).toThrow(TypeError)
})

it('a permit is not made by hand', () => {
  // @ts-expect-error: only `issuePermit` makes the brand.
  const permit: Permit<'app.end'> = { ...permitFor(newId('app')), action: 'app.end' }
  expect(permit.action).toBe('app.end')
})

it('each action is named once, noun and verb', () => {
  expect(new Set(actionNames).size).toBe(actionNames.length)
  for (const name of actionNames) expect(name).toMatch(/^[a-z]+\.[a-z]+$/)
})
