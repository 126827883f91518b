/** Why a no was a no: the rule, the facts it hangs on, the smallest change, and what is allowed instead. */
import { Link } from '@tanstack/react-router'
import type * as api from '../api.ts'
import { State, When } from './show.tsx'

export function DenialBox({ of }: { of: api.DenialView }) {
  return (
    <div className="denial">
      <p>
        <State of="deny" word="denied" /> <When at={of.at} /> · <strong>{of.what}</strong> ·{' '}
        <Link to="/decisions/$id" params={{ id: of.shortId }}>
          {of.shortId}
        </Link>
      </p>
      <p className="lead">{of.says}</p>
      <dl className="facts">
        <div>
          <dt>Rule</dt>
          <dd>
            <code>{of.rule}</code>
          </dd>
        </div>
        {of.because.map(each => (
          <div key={each.fact}>
            <dt>Because {each.fact}</dt>
            <dd>
              is <strong>{each.is}</strong>, needs <strong>{each.needs}</strong>
              {each.from !== undefined && <span className="muted"> (from {each.from})</span>}
            </dd>
          </div>
        ))}
        <div>
          <dt>Would pass if</dt>
          <dd>{of.wouldPassIf}</dd>
        </div>
        {of.instead.map(each => (
          <div key={each.says}>
            <dt>Instead</dt>
            <dd>
              {each.says}
              {each.command !== undefined && (
                <>
                  {' '}
                  <code>./lh {each.command}</code>
                </>
              )}
            </dd>
          </div>
        ))}
      </dl>
    </div>
  )
}
