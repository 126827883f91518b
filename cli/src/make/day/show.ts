/** How a day stands, in words: for the screen, and as one value for programs. Pure. */
import { glyph, mark } from '../../answer.ts'
import { bySystem, type Standing } from './stand.ts'

export function standingLines({ apps, systems, outside }: Standing, seconds: number): string[] {
  const rows = bySystem(apps)
  const sum = (key: 'of' | 'gone') => rows.reduce((total, row) => total + row[key], 0)
  const blind = systems.filter(({ unseen }) => unseen.length > 0)
  return [
    `${mark(sum('of') === sum('gone'))} ${sum('of')} to remove · ${sum('gone')} checked gone · ${sum('of') - sum('gone')} left   (${Math.round(seconds)} s)`,
    ...rows.map(
      ({ system, of, gone, paths }) =>
        `  ${system.padEnd(16)} ${gone} of ${of}   by ${paths.join(' · ')}`,
    ),
    `  looked at ${systems.filter(({ looked }) => looked).length} of ${systems.length} systems; ${outside.length} born outside`,
    ...blind.map(
      ({ system, unseen }) => `  ${glyph.wait} ${system} does not show: ${unseen.join('; ')}`,
    ),
    ...outside.map(
      each =>
        `  ${mark(each.isSettled)} ${each.system}: ${each.kind} ${each.name}, ${endText(each)}`,
    ),
  ]
}

function endText({ state, owner, endsAt, isSettled }: Standing['outside'][number]): string {
  if (state === 'gone' || state === 'revoked') return 'revoked'
  return isSettled ? `${owner} answers for it until ${endsAt}` : 'nobody answers for it'
}
