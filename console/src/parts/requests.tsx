/** Requests in rows. */
import { Link } from '@tanstack/react-router'
import type * as api from '../api.ts'
import { AppLink, State, When } from './show.tsx'
import { Table } from './table.tsx'

export function RequestTable({
  requests,
  name,
}: {
  requests: readonly api.RequestView[]
  name: string
}) {
  return (
    <Table
      name={name}
      rows={requests}
      keyOf={request => request.id}
      columns={[
        {
          name: 'Request',
          cell: request => (
            <Link to="/requests/$id" params={{ id: request.shortId }}>
              {request.shortId}
            </Link>
          ),
        },
        {
          name: 'What',
          cell: request => (
            <>
              {request.says}
              <span className="under muted">“{request.reason}”</span>
            </>
          ),
        },
        { name: 'App', cell: request => <AppLink slug={request.app} /> },
        { name: 'State', cell: request => <State of={request.state} /> },
        { name: 'Who answers', cell: request => request.approvers.join(', ') },
        { name: 'Asked', cell: request => <When at={request.madeAt} /> },
      ]}
    />
  )
}
