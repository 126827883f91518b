/** Found: what is there, and whose is it? */
import { Link } from '@tanstack/react-router'
import { usePart, useWords } from '../address.ts'
import type * as api from '../api.ts'
import { post } from '../api.ts'
import { Field, FormButton } from '../parts/act.tsx'
import { PagesNote } from '../parts/pages.tsx'
import { AppLink, Empty, Facts, Panel, Read, State, Title, Until, When } from '../parts/show.tsx'
import { Table } from '../parts/table.tsx'
import { type Pages, useAct, useMe, usePages, useRead } from '../use.ts'

export function FoundPage() {
  const found = usePages<api.FoundList>('/v1/found')
  const { words, set } = useWords()
  const { q = '' } = words
  return (
    <>
      <Title>Found</Title>
      <p className="muted">Accounts and keys at connected systems that Leasehold did not make.</p>
      <Read from={found} what="what was found">
        {({ first: list, ...pages }) => (
          <>
            <ul className="numbers" aria-label="In numbers">
              <Count of={list.unknown} says="unknown: no app answers for it" />
              <Count of={list.ownerless} says="with nobody who answers for it" />
              <Count of={list.neverEnding} says="without an end" />
            </ul>
            <Panel
              title="Things"
              aside={
                <label className="filters">
                  <span className="hidden">Filter things</span>
                  <input
                    type="search"
                    data-filter
                    placeholder="Filter: name, target, owner"
                    value={q}
                    onChange={event => set({ q: event.target.value })}
                  />
                </label>
              }
            >
              <PagesNote of={pages} what="thing" isFiltered={q !== ''} />
              <Things of={pages.rows.filter(thing => fits(thing, q))} pages={pages} />
            </Panel>
          </>
        )}
      </Read>
    </>
  )
}

function Count({ of, says }: { of: number; says: string }) {
  return (
    <li className={of > 0 ? 'number bad' : 'number'}>
      <strong>{of}</strong>
      <span>{says}</span>
    </li>
  )
}

function fits(thing: api.FoundView, q: string): boolean {
  const text = [thing.name, thing.target, thing.owner, thing.app, thing.kind, thing.shortId]
  return text.join(' ').toLowerCase().includes(q.trim().toLowerCase())
}

function Things({ of, pages }: { of: readonly api.FoundView[]; pages: Pages<api.FoundView> }) {
  if (pages.rows.length === 0)
    return (
      <Empty>
        Nothing that you may see. Connect a system to look for keys nobody answers for.{' '}
        <Link to="/connect">Connect</Link>
      </Empty>
    )
  if (of.length === 0) return <Empty>Nothing fits the filter.</Empty>
  return (
    <Table
      name="Things found"
      rows={of}
      pages={pages}
      keyOf={thing => thing.id}
      columns={[
        {
          name: 'Thing',
          is: 'words',
          cell: thing => (
            <>
              <strong>{thing.name}</strong>
              <span className="under">
                <Link to="/found/$id" params={{ id: thing.shortId }}>
                  {thing.shortId}
                </Link>
              </span>
            </>
          ),
        },
        { name: 'Kind', is: 'short', cell: thing => thing.kind },
        { name: 'Target', cell: thing => thing.target },
        { name: 'State', cell: thing => <State of={thing.state} /> },
        { name: 'Owner', cell: thing => thing.owner ?? 'nobody' },
        { name: 'Last used', is: 'short', cell: thing => <Used of={thing} /> },
        { name: 'Ends', cell: thing => <Ends of={thing} /> },
      ]}
    />
  )
}

/** Not known is not never. */
function Used({ of }: { of: api.FoundView }) {
  if (of.lastUsedAt === null) return <span className="muted">not known</span>
  return <When at={of.lastUsedAt} />
}

function Ends({ of }: { of: api.FoundView }) {
  if (of.goneAt !== null)
    return (
      <>
        gone <When at={of.goneAt} />
      </>
    )
  if (of.endsAt === null) return <span className="bad">never</span>
  return <When at={of.endsAt} />
}

export function ThingPage() {
  const id = usePart('id')
  const thing = useRead<api.FoundView>(`/v1/found/${encodeURIComponent(id)}`)
  return (
    <Read from={thing} what={id}>
      {seen => <Thing of={seen} />}
    </Read>
  )
}

function Thing({ of }: { of: api.FoundView }) {
  return (
    <>
      <Title aside={<ThingButtons of={of} />}>
        {of.name} <State of={of.state} />
      </Title>
      <p className="lead">
        {of.kind} at {of.target}
      </p>
      <Facts
        of={[
          ['Short id', of.shortId],
          ['App', <AppLink key="app" slug={of.app} />],
          ['Owner', of.owner ?? 'nobody'],
          ['Made by', of.creator ?? 'not known'],
          ['Made', of.madeAt === null ? 'not known' : <When key="made" at={of.madeAt} />],
          ['Last used', <Used key="used" of={of} />],
          ['First seen', <When key="first" at={of.firstSeenAt} />],
          ['Last seen', <When key="last" at={of.lastSeenAt} />],
          [
            'Ends',
            of.endsAt === null ? <Ends key="ends" of={of} /> : <Until key="ends" at={of.endsAt} />,
          ],
        ]}
      />
    </>
  )
}

function ThingButtons({ of }: { of: api.FoundView }) {
  const me = useMe().data?.person
  const path = `/v1/found/${of.id}`
  const claim = useAct(() => post(`${path}/claim`))
  const adopt = useAct((body: object) => post(`${path}/adopt`, body))
  if (of.state === 'found')
    return (
      <FormButton
        name="Claim…"
        title={`Claim ${of.name}`}
        act={claim}
        tone="first"
        send={() => claim.mutate()}
      >
        <p>
          You say that you answer for it. Nothing changes at {of.target}; it is adopted into an app
          next, or ended.
        </p>
      </FormButton>
    )
  if (of.state !== 'claimed' || me === undefined || me === null) return null
  return (
    <FormButton
      name="Adopt…"
      title={`Adopt ${of.name}`}
      act={adopt}
      tone="first"
      send={({ app = '', purpose = '', backup = '', watchDays = '' }) =>
        adopt.mutate({
          app,
          ...(purpose === '' ? {} : { purpose }),
          ...(backup === '' ? {} : { backup }),
          ...(watchDays === '' ? {} : { watchDays: Number(watchDays) }),
        })
      }
    >
      <p>It becomes part of an app, with an owner, a purpose and an end, and ends with it.</p>
      <Field name="app" label="App" required hint="One of yours, or a new name." />
      <Field name="purpose" label="What for?" hint="Of a new app." />
      <Field name="backup" label="Backup" hint="Of a new app: who takes over when you are gone." />
      <Field
        name="watchDays"
        label="Watch it for how many days?"
        type="number"
        min={1}
        max={365}
        hint="What policy denies goes on until then, and is recorded. Empty: held to policy at once."
      />
    </FormButton>
  )
}
