/** The files the organisers of the demo's days write: who is in which team, and what it needs. */

/** Beside the deals: what every third team needs. */
const kinds = [
  ['board', 'deals', undefined],
  ['mirror', 'code', 'code'],
  ['files', 'bucket', 'bucket'],
] as const

export const teamOf = (i: number) => `team-${i + 1}`
export const kindOf = (i: number) => kinds[i % kinds.length] ?? kinds[0]

export function yamlOf(name: string, teams: number): string {
  const team = (i: number) =>
    teamText(teamOf(i), {
      driver: `driver-${i + 1}@acme.example`,
      engineer: `engineer-${i + 1}@acme.example`,
      kind: kindOf(i)[0],
    })
  const list = Array.from({ length: teams }, (_, i) => team(i)).join('')
  const at = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString()
  const templates = kinds.map(
    ([kind, , more]) =>
      `  ${kind}:\n    says: Shows what is stuck\n    data: [deals${more === undefined ? '' : `, ${more}`}]\n`,
  )
  return `day: ${name}
window:
  opens: ${at(0)}
  closes: ${at(8)}
ends: ${at(30)}
approvers: [tom@acme.example]
spendCap: 20 dollars/day
datasets:
  deals: crm.deals:read
  code: code:read
  bucket: bucket:read
templates:
${templates.join('')}teams:
${list}`
}

export function headOf(
  name: string,
  dataset: string,
  teams: string,
  template: string,
  data: string,
) {
  const at = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString()
  return `day: ${name}
window: # today
  opens: ${at(0)}
  closes: ${at(8)}
ends: ${at(30)}
datasets:
  ${dataset}
templates:
  ${template}:
    says: Shows the books
    data: [${data}]
teams:
${teams}`
}

export function teamText(name: string, of: Record<'driver' | 'engineer' | 'kind', string>): string {
  return `  - name: ${name}
    purpose: "what is stuck, for ${name}"
    driver: ${of.driver}
    engineer: ${of.engineer}
    template: ${of.kind}
`
}
