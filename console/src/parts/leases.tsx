/** Leases in rows. */
import { Link } from '@tanstack/react-router'
import type * as api from '../api.ts'
import type { Pages } from '../use.ts'
import { AppLink, State, When } from './show.tsx'
import { type Column, Table } from './table.tsx'

/** Where it stands, or what became of it: gone alone says nothing of how. */
export function stateOf(lease: api.LeaseView): string {
  if (lease.state === 'gone') return lease.outcome ?? 'gone'
  return lease.contained ? 'contained' : lease.state
}

export function LeaseTable({
  leases,
  name,
  isOfOneApp = false,
  pages,
}: {
  leases: readonly api.LeaseView[]
  name: string
  isOfOneApp?: boolean
  pages?: Pages<api.LeaseView>
}) {
  const columns: Column<api.LeaseView>[] = [
    {
      name: 'Lease',
      is: 'short',
      cell: lease => (
        <Link to="/trace/$thing" params={{ thing: lease.shortId }}>
          {lease.shortId}
        </Link>
      ),
    },
    ...(isOfOneApp
      ? []
      : [{ name: 'App', cell: (lease: api.LeaseView) => <AppLink slug={lease.app} /> }]),
    { name: 'Resource', cell: lease => <strong>{lease.resource}</strong> },
    { name: 'May', cell: lease => lease.actions.join(', ') },
    { name: 'State', cell: lease => <State of={stateOf(lease)} /> },
    { name: 'Made', is: 'short', cell: lease => <When at={lease.madeAt} /> },
    {
      name: 'Over',
      is: 'short',
      cell: lease =>
        lease.endedAt === null ? (
          <>
            term <When at={lease.termEndsAt} />
          </>
        ) : (
          <When at={lease.endedAt} />
        ),
    },
  ]
  return (
    <Table
      name={name}
      columns={columns}
      rows={leases}
      keyOf={lease => lease.id}
      {...(pages && { pages })}
    />
  )
}
