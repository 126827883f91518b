/** How a day stands, in words, for people. Pure. */
import { glyph, mark } from '../../answer.ts'
import type { Outside } from './inventory.ts'
import { bySystem, type Standing } from './stand.ts'

export function standingLines(standing: Standing, seconds: number): string[] {
  const { apps, systems, bornOutside, removed, gone } = standing
  const blind = systems.filter(({ unseen }) => unseen.length > 0)
  const looked = systems.filter(each => each.looked).length
  const sums = `${removed} to remove · ${gone} checked gone · ${removed - gone} left`
  const rows = bySystem(apps).map(each => [each.system.padEnd(16), each] as const)
  return [
    `${mark(removed === gone)} ${sums}   (${Math.round(seconds)} s)`,
    ...rows.map(
      ([name, each]) => `  ${name} ${each.gone} of ${each.of}   ${each.paths.join(' · ')}`,
    ),
    `  looked at ${looked} of ${systems.length} systems; ${bornOutside.length} born outside`,
    ...blind.map(each => `  ${glyph.wait} ${each.system} does not show: ${each.unseen.join('; ')}`),
    ...bornOutside.map(each => `  ${each.system}: ${each.kind} ${each.name}   ${endText(each)}`),
  ]
}

/** How what was born outside ended. */
export function endText({ state, owner, endsAt, isSettled }: Outside): string {
  if (state === 'gone' || state === 'revoked') return `${glyph.ok} revoked`
  if (!isSettled) return `${glyph.bad} nobody answers for it, or it has no end`
  return `${glyph.wait} ${owner} answers for it until ${endsAt}`
}

export function blockLines({ blocks }: Standing): string[] {
  return [
    `  ${glyph.bad} Not closed; ${blocks.length} open:`,
    ...blocks.slice(0, 50).map(each => `    ${each.system ?? ''}  ${each.about}: ${each.says}`),
    ...(blocks.length > 50 ? [`    … and ${blocks.length - 50} more`] : []),
  ]
}
