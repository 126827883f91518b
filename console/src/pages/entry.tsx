/** One entry of the log: what it says, what it holds, and the proof that the log has it. */
import { Link } from '@tanstack/react-router'
import { usePart } from '../address.ts'
import type * as api from '../api.ts'
import { get } from '../api.ts'
import { Progress } from '../parts/act.tsx'
import { Facts, Panel, ProblemBox, Read, Title, Until } from '../parts/show.tsx'
import { useAct, useReadOnce } from '../use.ts'
import { many, shortName } from '../words.ts'

interface Inclusion {
  readonly size: number
  readonly leaf: string
  readonly path: readonly string[]
  readonly checkpoint: string
}

export function EntryPage() {
  const position = usePart('position')
  const entry = useReadOnce<api.LogEntryView>(`/v1/log/${encodeURIComponent(position)}`)
  return (
    <Read from={entry} what={`entry ${position}`}>
      {seen => <Entry of={seen} />}
    </Read>
  )
}

function Entry({ of }: { of: api.LogEntryView }) {
  const words = Object.entries(of.words ?? {})
  return (
    <>
      <Title>Entry #{of.position}</Title>
      <p className="lead">
        <strong>{of.actorName}</strong> {of.says}
      </p>
      <Facts
        of={[
          ['When', <Until key="at" at={of.at} />],
          ['Kind', <code key="kind">{of.kind}</code>],
          [
            'Neighbours',
            <span key="near" className="aside">
              {of.position > 0 && <Near to={of.position - 1} />}
              <Near to={of.position + 1} />
            </span>,
          ],
        ]}
      />
      {of.subjects.length > 0 && (
        <Panel title="About">
          <ul className="gives">
            {of.subjects.map(subject => (
              <li key={subject.id}>
                {subject.type.replaceAll('_', ' ')}{' '}
                <Link to="/log" search={{ about: subject.id }}>
                  {shortName(subject.name)}
                </Link>
              </li>
            ))}
          </ul>
        </Panel>
      )}
      {of.erased && (
        <p className="note muted">○ The words of this entry were erased; its hashes stand.</p>
      )}
      {words.length > 0 && (
        <Panel title="In words">
          <Facts of={words.map(([name, said]) => [name.replace(/^\w+\./, ''), said] as const)} />
        </Panel>
      )}
      <Proof position={of.position} />
      <Panel title="Facts, as they are in the log">
        <pre>{JSON.stringify(of.facts, null, 2)}</pre>
      </Panel>
    </>
  )
}

function Near({ to }: { to: number }) {
  return (
    <Link to="/log/$position" params={{ position: String(to) }}>
      #{to}
    </Link>
  )
}

/** What a verifier of somebody else's needs. This page checks nothing by itself, and says so. */
function Proof({ position }: { position: number }) {
  const proof = useAct(() => get<Inclusion>(`/v1/log/proof?position=${position}`))
  return (
    <Panel
      title="Proof that the log has it"
      aside={
        <span className="aside">
          <Progress of={proof} />
          <button
            type="button"
            className="second"
            disabled={proof.status === 'pending'}
            onClick={() => proof.mutate()}
          >
            Make the proof
          </button>
        </span>
      }
    >
      {proof.error !== null && <ProblemBox of={proof.error} />}
      {proof.data === undefined ? (
        <p className="muted">
          An inclusion proof under a signed checkpoint, for a verifier that is not this page:{' '}
          <code>./lh verify</code>
        </p>
      ) : (
        <>
          <p>
            {many(proof.data.path.length, 'hash', 'hashes')} lead from this entry to the tree of{' '}
            {many(proof.data.size, 'entry', 'entries')}, signed:
          </p>
          <pre>{proof.data.checkpoint}</pre>
          <pre>{proof.data.path.join('\n')}</pre>
        </>
      )}
    </Panel>
  )
}
