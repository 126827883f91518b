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
          is: 'short',
          cell: request => (
            <Link to="/requests/$id" params={{ id: request.shortId }}>
              {request.shortId}
            </Link>
          ),
        },
        {
          name: 'What',
          is: 'words',
          cell: request => (
            <>
              {request.says}
              <span className="under muted">“{request.reason}”</span>
            </>
          ),
        },
        { name: 'App', is: 'short', cell: request => <AppLink slug={request.app} /> },
        { name: 'State', cell: request => <State of={request.state} /> },
        { name: 'Who answers', cell: request => request.approvers.join(', ') },
        { name: 'Asked', is: 'short', cell: request => <When at={request.madeAt} /> },
      ]}
    />
  )
}
