/** What the job says of the rows it read: the place to begin. Pure. */
import type { Data } from './data.ts'

export function reportOf({ kind, resource, rows, columns, says }: Data): string {
  if (kind === 'refused') return `✕ ${resource} was refused: ${says}\n  Next: leasehold why`
  const mark = kind === 'real' ? '● real data' : '▲ synthetic data'
  return `${mark}: ${rows.length} rows of ${resource} (${columns.join(', ')})`
}
