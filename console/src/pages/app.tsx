/** One app: what is this, and may I trust it? */
import { Link } from '@tanstack/react-router'
import { usePart } from '../address.ts'
import type * as api from '../api.ts'
import { AppButtons } from '../parts/app-buttons.tsx'
import { DenialBox } from '../parts/denial.tsx'
import { Graph } from '../parts/graph.tsx'
import { LeaseTable } from '../parts/leases.tsx'
import { AppMeanwhile } from '../parts/meanwhile.tsx'
import { RequestTable } from '../parts/requests.tsx'
import {
  AppLink,
  Empty,
  EndBar,
  Facts,
  Panel,
  Read,
  State,
  Title,
  Until,
  When,
} from '../parts/show.tsx'
import { Table } from '../parts/table.tsx'
import { localTimes } from '../time.ts'
import { type List, useRead } from '../use.ts'

export function AppPage() {
  const slug = usePart('app')
  const app = useRead<api.AppDetail>(`/v1/apps/${encodeURIComponent(slug)}`)
  return (
    <Read from={app} what={slug}>
      {detail => <AppSeen app={detail} />}
    </Read>
  )
}

function AppSeen({ app }: { app: api.AppDetail }) {
  const open = app.requests.filter(each => each.state === 'open')
  return (
    <>
      <Title aside={<AppButtons app={app} />}>
        {app.slug} <State of={app.state} />
      </Title>
      <AppMeanwhile of={app} />
      <p className="lead">{app.purpose}</p>
      <p className="muted">{localTimes(app.says)}</p>
      <AppFacts app={app} />
      {app.holds.map(hold => (
        <p key={hold.id} className="note wait">
          <span aria-hidden="true">■</span> Held ({hold.scope}): {hold.reason}.{' '}
          <Link to="/holds">All holds</Link>
        </p>
      ))}
      {open.length > 0 && (
        <Panel title="Waiting for an answer">
          <RequestTable requests={open} name="Open requests" />
        </Panel>
      )}
      <MayDo app={app} />
      <Panel
        title="Leases"
        aside={
          <Link to="/leases" search={{ app: app.slug }}>
            Timeline
          </Link>
        }
      >
        {app.leases.length === 0 ? (
          <Empty>It holds no access right now, and never did.</Empty>
        ) : (
          <LeaseTable leases={app.leases.slice(0, 8)} name={`Leases of ${app.slug}`} isOfOneApp />
        )}
      </Panel>
      {app.lastDenial !== null && (
        <Panel title="Last “no”" id="last-no">
          <DenialBox of={app.lastDenial} />
        </Panel>
      )}
      <Decisions slug={app.slug} />
      <Graph app={app} />
      <Who app={app} />
    </>
  )
}

function AppFacts({ app }: { app: api.AppDetail }) {
  const isOver = app.endedAt !== null
  return (
    <Facts
      of={[
        ['Owner', app.owner.isLiving ? app.owner.name : `${app.owner.name} (gone)`],
        ['Backup', app.backup?.name ?? 'none'],
        ...(app.offeredTo === null ? [] : [['Offered to', app.offeredTo] as const]),
        ['Stage', app.stage],
        ['Data', app.dataClasses.join(', ')],
        ['Made', <When key="made" at={app.madeAt} />],
        [
          isOver ? 'Ended' : 'Ends',
          isOver ? (
            <When key="ended" at={app.endedAt} />
          ) : (
            <span key="ends" className="stack">
              <Until at={app.endsAt} />
              <EndBar madeAt={app.madeAt} endsAt={app.endsAt} />
            </span>
          ),
        ],
        [
          'Opened at',
          <span key="address" className="stack">
            <a href={app.address} rel="noreferrer" target="_blank">
              {new URL(app.address).host}
            </a>
            <small>by owner and backup{app.openTo.map(each => `, ${each}`)}</small>
          </span>,
        ],
        [
          'Trace',
          <Link key="trace" to="/trace/$thing" params={{ thing: app.slug }}>
            from commit to row
          </Link>,
        ],
        [
          'Log',
          <Link key="log" to="/log" search={{ about: app.slug }}>
            every entry about it
          </Link>,
        ],
      ]}
    />
  )
}

function MayDo({ app }: { app: api.AppDetail }) {
  return (
    <Panel title="May do">
      {app.grants.length === 0 ? (
        <Empty>
          Nothing yet. It asks with <code>./lh ask {app.slug} …</code>
        </Empty>
      ) : (
        <Table
          name={`What ${app.slug} may do`}
          rows={app.grants}
          keyOf={grant => grant.id}
          columns={[
            { name: 'Resource', is: 'words', cell: grant => <strong>{grant.resource}</strong> },
            { name: 'May', cell: grant => grant.actions.join(', ') },
            { name: 'State', cell: grant => <State of={grant.state} /> },
            { name: 'Columns', cell: sayColumns },
            { name: 'As', cell: grant => grant.roles.join(', ') },
            { name: 'Last used', is: 'short', cell: grant => <When at={grant.usedAt} /> },
            { name: 'Until', is: 'short', cell: grant => <When at={grant.endsAt} /> },
          ]}
        />
      )}
    </Panel>
  )
}

function sayColumns({ columns, columnsOf, atMost }: api.GrantView): string {
  const of = columnsOf === 0 ? 'all of it' : `${columns.length} of ${columnsOf}`
  return atMost === null ? of : `${of}, at most ${atMost}`
}

function Decisions({ slug }: { slug: string }) {
  const decisions = useRead<List<api.DecisionView>>(`/v1/decisions?app=${encodeURIComponent(slug)}`)
  return (
    <Panel title="Last decisions">
      <Read from={decisions} what="decisions">
        {({ items }) =>
          items.length === 0 ? (
            <Empty>Nothing was decided for it yet.</Empty>
          ) : (
            <Table
              name={`Decisions about ${slug}`}
              rows={items.slice(0, 10)}
              keyOf={decision => decision.id}
              columns={[
                { name: 'When', is: 'short', cell: each => <When at={each.at} /> },
                { name: 'Answer', cell: each => <State of={each.effect} /> },
                { name: 'What', is: 'words', cell: each => each.what },
                { name: 'Rule', cell: each => each.rules.join(', ') || 'none allows it' },
                { name: 'Why', is: 'short', cell: each => <DecisionLink of={each.shortId} /> },
              ]}
            />
          )
        }
      </Read>
    </Panel>
  )
}

function DecisionLink({ of }: { of: string }) {
  return (
    <Link to="/decisions/$id" params={{ id: of }}>
      {of}
    </Link>
  )
}

/** Who may speak for it. Folded: it is read once, when somebody wonders. */
function Who({ app }: { app: api.AppDetail }) {
  return (
    <Panel title="Who it is">
      <Table
        name={`Identities of ${app.slug}`}
        rows={app.identities}
        keyOf={identity => identity.id}
        columns={[
          { name: 'Role', cell: each => <strong>{each.role}</strong> },
          { name: 'Identity', cell: each => <code>{each.spiffeId}</code> },
          { name: 'State', cell: each => <State of={each.state} /> },
          { name: 'Attested by', cell: each => attestedBy(app, each.role) },
        ]}
      />
      {app.purposes.length > 0 && (
        <p className="muted">
          Purposes: {app.purposes.map(({ name, says }) => `${name} (${says})`).join(' · ')}
        </p>
      )}
      {app.origin === 'adopted' && (
        <p className="muted">
          Adopted: made of what was found. <AppLink slug={app.slug} />
        </p>
      )}
    </Panel>
  )
}

function attestedBy(app: api.AppDetail, role: string): string {
  const rules = app.trust.filter(rule => rule.role === role && rule.state !== 'revoked')
  return rules.map(rule => `${rule.preset} · ${rule.issuer}`).join(', ') || 'nobody'
}
