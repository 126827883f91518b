import { expect, it } from 'vitest'
import * as views from '../../test/views.ts'
import { sortTiles, type Tile, tileOf } from './watch.ts'

const tile = (team: string, state: Tile['state'], since: string | null = null): Tile => ({
  team,
  state,
  since,
  says: '',
  leases: 0,
})

it('who is stuck stands first, of those alike who has been longest', () => {
  const tiles = [
    tile('runs', 'runs', '2026-11-22T09:00:00Z'),
    tile('late', 'waits', '2026-11-22T11:00:00Z'),
    tile('over', 'over'),
    tile('early', 'waits', '2026-11-22T10:00:00Z'),
    tile('no', 'refused', '2026-11-22T12:00:00Z'),
    tile('b-new', 'missing'),
    tile('a-new', 'missing'),
    tile('stopped', 'held'),
  ]
  const order = ['stopped', 'no', 'early', 'late', 'a-new', 'b-new', 'runs', 'over']
  expect(sortTiles(tiles).map(({ team }) => team)).toEqual(order)
  expect(sortTiles(tiles.toReversed()).map(({ team }) => team)).toEqual(order)
})

const day = { name: 'build-day' }
const calm = { ...views.app, day: 'build-day', lastDenial: null, requests: [] }
const open = { ...views.request, state: 'open' as const }
const said = views.app.lastDenial

it.each([
  ['nothing is there', undefined, 'missing'],
  ['its app is of another day', { ...calm, day: 'other' }, 'missing'],
  ['it is held', { ...calm, holds: [{ id: 'ho_1', scope: 'day', reason: 'stop' }] }, 'held'],
  ['it is paused', { ...calm, state: 'paused' as const }, 'held'],
  ['it was refused last', { ...calm, leases: [], lastDenial: said }, 'refused'],
  [
    'it was refused, and had a lease since',
    { ...calm, lastDenial: said && { ...said, at: '2020-01-01T00:00:00.000Z' } },
    'runs',
  ],
  ['it waits for a yes', { ...calm, requests: [open] }, 'waits'],
  ['it was told no', { ...calm, requests: [{ ...open, state: 'denied' as const }] }, 'refused'],
  ['nobody accepted it', { ...calm, offeredTo: 'Maya Ortiz' }, 'offered'],
  ['it has had no lease', { ...calm, leases: [] }, 'idle'],
  ['it works', calm, 'runs'],
  ['it is ended, whatever else', { ...calm, state: 'ended' as const, requests: [open] }, 'over'],
] as const)('where %s, its tile says so', (_, app, state) => {
  expect(tileOf('deal-desk', day, app)).toMatchObject({ team: 'deal-desk', state })
})
