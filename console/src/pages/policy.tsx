/** Policy: what is allowed, and what would change? */

import { Link } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import type * as api from '../api.ts'
import { post } from '../api.ts'
import { Progress } from '../parts/act.tsx'
import { Empty, Panel, ProblemBox, Read, State, Title, When } from '../parts/show.tsx'
import { Table } from '../parts/table.tsx'
import { type Rule, readRules } from '../rules.ts'
import { useAct, useReadOnce } from '../use.ts'
import { many } from '../words.ts'

interface PolicyView {
  readonly hash: string
  readonly files: readonly { readonly name: string; readonly by: string; readonly text: string }[]
}

export function PolicyPage() {
  const policy = useReadOnce<PolicyView>('/v1/policy')
  const check = useAct(() => post<api.PolicyCheckView>('/v1/policy/check', { text: '' }))
  return (
    <>
      <Title
        aside={
          <>
            <Progress of={check} />
            <button
              type="button"
              className="second"
              disabled={check.status === 'pending'}
              onClick={() => check.mutate()}
            >
              Run the cases
            </button>
          </>
        }
      >
        Policy
      </Title>
      {check.error !== null && <ProblemBox of={check.error} />}
      {check.data !== undefined && <Cases of={check.data} />}
      <Try />
      <Read from={policy} what="the rules in force">
        {({ hash, files }) => (
          <>
            <p className="muted">
              In force: <code>{hash.slice(0, 16)}…</code>, {many(files.length, 'file')}
            </p>
            {files
              .filter(({ name }) => name.endsWith('.cedar'))
              .map(file => (
                <RuleFile key={file.name} {...file} />
              ))}
          </>
        )}
      </Read>
    </>
  )
}

function Cases({ of }: { of: api.PolicyCheckView }) {
  const isGood = of.failed.length === 0
  return (
    <p role="status" className="note">
      <State of={isGood ? 'passed' : 'failed'} word={isGood ? 'all cases hold' : 'cases fail'} />:{' '}
      {many(of.rules, 'rule')}, {many(of.cases, 'case')}
      {of.failed.map(each => (
        <span key={`${each.rule} ${each.name}`} className="under bad">
          {each.rule}, {each.name}: expected {each.expected}, got {each.got}
        </span>
      ))}
    </p>
  )
}

/** The rules in force beside each other: what each says, and its text behind it. */
function RuleFile({ name, by, text }: { name: string; by: string; text: string }) {
  const rules = readRules(text)
  return (
    <Panel
      title={name}
      aside={
        <span className="muted">
          {by} · {many(rules.length, 'rule')}
        </span>
      }
    >
      <ul className="rules">
        {rules.map(rule => (
          <li key={rule.id}>
            <RuleSeen of={rule} />
          </li>
        ))}
      </ul>
      <details>
        <summary>Its text</summary>
        <pre>{text}</pre>
      </details>
    </Panel>
  )
}

function RuleSeen({ of }: { of: Rule }) {
  return (
    <>
      <State of={of.effect === 'permit' ? 'permit' : 'deny'} word={of.effect} />{' '}
      <code>{of.id}</code>
      <span className="under">{of.says || 'says nothing of itself'}</span>
      {of.owner !== '' && <span className="under muted">owner {of.owner}</span>}
    </>
  )
}

/** What was decided, decided again with one more file of rules: nothing is changed by looking. */
function Try() {
  const [text, setText] = useState('')
  const replay = useAct((given: string) => post<api.ReplayView>('/v1/policy/try', { text: given }))
  const send = (event: FormEvent) => {
    event.preventDefault()
    replay.mutate(text)
  }
  return (
    <Panel title="What would change?">
      <form onSubmit={send}>
        <label htmlFor="rule">
          One more rule, in Cedar. It is tried on what was decided; nothing is put in force.
        </label>
        <textarea
          id="rule"
          rows={5}
          spellCheck={false}
          maxLength={65_536}
          placeholder={'@id("mine")\nforbid (principal, action == Action::"write", resource);'}
          value={text}
          onChange={event => setText(event.target.value)}
        />
        <div className="buttons">
          <button type="submit" className="first" disabled={replay.status === 'pending'}>
            Try it
          </button>
          <Progress of={replay} />
        </div>
      </form>
      {replay.error !== null && <ProblemBox of={replay.error} />}
      {replay.data !== undefined && <Changed of={replay.data} />}
    </Panel>
  )
}

function Changed({ of }: { of: api.ReplayView }) {
  return (
    <>
      <p role="status">
        {many(of.decisions, 'decision')} played again{of.isAll ? '' : ', the oldest'}:{' '}
        {of.identical} identical, <strong>{of.changed.length} would change</strong>.
      </p>
      {of.changed.length === 0 ? (
        <Empty>No decision would have been another one.</Empty>
      ) : (
        <Table
          name="Decisions that would change"
          rows={of.changed}
          keyOf={each => each.decisionId}
          columns={[
            {
              name: 'Decision',
              cell: each => (
                <Link to="/decisions/$id" params={{ id: each.shortId }}>
                  {each.shortId}
                </Link>
              ),
            },
            { name: 'What', cell: each => each.what },
            { name: 'Was', cell: each => each.from },
            { name: 'Would be', cell: each => <strong>{each.to}</strong> },
            { name: 'Rule', cell: each => <code>{each.rule}</code> },
            { name: 'When', cell: each => <When at={each.at} /> },
          ]}
        />
      )}
    </>
  )
}
