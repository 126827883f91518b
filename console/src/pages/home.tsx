/** Home: what needs me? The gravest first; empty is the goal. */
import { Link } from '@tanstack/react-router'
import type * as api from '../api.ts'
import { useNow } from '../live.ts'
import type { Need } from '../needs.ts'
import { AppLink, Empty, EndBar, Panel, Read, State, Title, When } from '../parts/show.tsx'
import { useNeeds } from '../parts/use-needs.ts'
import { localTimes } from '../time.ts'
import { type List, useAround, useMe } from '../use.ts'
import { many, noun } from '../words.ts'

const weekMs = 7 * 86_400_000

export function HomePage() {
  const { needs, error, residual } = useNeeds()
  const { items: apps = [] } = useAround<List<api.AppView>>('/v1/apps?soonest=true').data ?? {}
  return (
    <>
      <Title>Home</Title>
      <Panel title={needs === undefined ? 'Needs you' : `Needs you (${needs.length})`}>
        <Read from={{ data: needs, error }} what="what needs you">
          {list => <Needs of={list} apps={apps} />}
        </Read>
      </Panel>
      <Numbers apps={apps} residual={residual} />
      <EndingSoon apps={apps} />
    </>
  )
}

/** Each number is the length of a list, and leads to it. */
function Numbers({
  apps,
  residual,
}: {
  apps: readonly api.AppView[]
  residual: readonly api.ResidualView[] | undefined
}) {
  const leases = useAround<List<api.LeaseView>>('/v1/leases?open=true').data?.items
  const found = useAround<api.FoundList>('/v1/found').data
  const living = apps.filter(isLiving)
  // Without a role one sees their own alone: the number is not the company's, and does not say so.
  const isAll = (useMe().data?.person?.roles.length ?? 0) > 0
  return (
    <ul className="numbers" aria-label="In numbers">
      <Number
        of={living.length}
        to="/apps"
        says={`${noun(living.length, 'app')}${isAll ? '' : ' you may see'}, each with an owner and an end`}
      />
      <Number
        of={leases?.length}
        to="/leases"
        says={`${noun(leases?.length, 'lease')} that may be alive now`}
      />
      <Number
        of={found?.unknown}
        to="/found"
        says={`unknown ${noun(found?.unknown, 'thing')} ${isAll ? 'at connected systems' : 'you may see'}`}
        isBad
      />
      <Number
        of={residual?.length}
        to="/ends"
        says={`${noun(residual?.length, 'thing')} not proven gone`}
        isBad
      />
    </ul>
  )
}

/** A full page of the server's may not be all there is. */
const pageRows = 200

function Number({
  of,
  to,
  says,
  isBad = false,
}: {
  of: number | undefined
  to: string
  says: string
  isBad?: boolean
}) {
  const tone = isBad && of !== undefined && of > 0 ? 'number bad' : 'number'
  return (
    <li>
      <Link to={to} className={tone}>
        <strong>{of === undefined ? '…' : of === pageRows ? `${pageRows}+` : of}</strong>
        <span>{says}</span>
      </Link>
    </li>
  )
}

function Needs({ of, apps }: { of: readonly Need[]; apps: readonly api.AppView[] }) {
  if (of.length === 0)
    return (
      <Empty>
        Nothing needs you. {many(apps.filter(isLiving).length, 'app')}, all owned, all ending.
      </Empty>
    )
  return (
    <ol className="needs">
      {of.map(need => (
        <li key={need.key}>
          <span className="need-kind">
            <State of={need.state} word={need.kind} />
          </span>
          <span className="need-says">{localTimes(need.says)}</span>
          <span className="need-at muted">
            <When at={need.at} />
          </span>
          <Link to={need.to} className="button second" aria-label={`${need.verb}: ${need.says}`}>
            {need.verb}
          </Link>
        </li>
      ))}
    </ol>
  )
}

function EndingSoon({ apps }: { apps: readonly api.AppView[] }) {
  const now = useNow()
  const soon = apps
    .filter(app => isLiving(app) && Date.parse(app.endsAt) - now < weekMs)
    .sort((a, b) => a.endsAt.localeCompare(b.endsAt))
  return (
    <Panel title="Ending soon" aside={<span className="muted">within 7 days</span>}>
      {soon.length === 0 ? (
        <Empty>No app ends within a week.</Empty>
      ) : (
        <ul className="soon">
          {soon.slice(0, 8).map(app => (
            <li key={app.id}>
              <AppLink slug={app.slug} />
              <span className="muted">{app.owner.name}</span>
              <EndBar madeAt={app.madeAt} endsAt={app.endsAt} />
            </li>
          ))}
          {soon.length > 8 && (
            <li>
              <Link to="/apps">{soon.length - 8} more</Link>
            </li>
          )}
        </ul>
      )}
    </Panel>
  )
}

function isLiving(app: api.AppView): boolean {
  return app.state !== 'ended' && app.state !== 'graduated'
}
