/** How old what was found is, with an owner and without: bars in plain SVG, and the same as words. */
import { type Html, html } from './html.ts'
import { ages, type Totals } from './totals.ts'

const size = { width: 720, row: 30, label: 110, bar: 520 }

export function chart(byAge: Totals['byAge']): Html {
  const largest = Math.max(1, ...byAge.map(({ owned, ownerless }) => owned + ownerless))
  const wide = (count: number) => Math.round((size.bar * count) / largest)
  const height = ages.length * size.row
  const words = ages.map((age, i) => `${age}: ${byAge[i]?.owned} and ${byAge[i]?.ownerless}`)
  const rows = byAge.map(({ owned, ownerless }, i) => {
    const y = i * size.row
    const end = size.label + wide(owned) + wide(ownerless)
    return html`<text x="0" y="${y + 20}">${ages[i]}</text>
<rect class="owned" x="${size.label}" y="${y + 5}" width="${wide(owned)}" height="20"/>
<rect class="ownerless" x="${size.label + wide(owned)}" y="${y + 5}" width="${wide(ownerless)}" height="20"/>
<text x="${end + 8}" y="${y + 20}">${(owned + ownerless).toLocaleString('en')}</text>`
  })
  return html`<div class="scroll" tabindex="0" role="region" aria-labelledby="h-age"><svg viewBox="0 0 ${size.width} ${height}" role="img" aria-labelledby="t-age"><title id="t-age">Made so long ago, with an owner and without: ${words.join('; ')}</title>${rows}</svg></div>
<p class="legend quiet"><span class="key owned"></span> somebody answers for it <span class="key ownerless"></span> ownerless</p>`
}
