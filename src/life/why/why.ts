/**
 * Why a no is a no, in plain words: the rule, the facts it hangs on, the smallest change that would
 * make it a yes, and what is allowed right now. Every claim is found by asking the rules again with
 * one fact turned; none is guessed. Pure.
 */

import type { AppId, IdentityId, ResourceId, TaskId } from '../../core/base/ids.ts'
import { limits } from '../../core/base/limits.ts'
import { grantTable, resourceTable } from '../../core/grant/rows.ts'
import type { Bundle } from '../../core/policy/bundle.ts'
import { type Facts, factsOfWork, type Via } from '../../core/policy/facts.ts'
import { judge, type Outcome } from '../../core/policy/judge.ts'
import type { Denial } from '../../core/policy/question.ts'
import type { Recorded } from '../../core/policy/record.ts'
import type { View } from '../../core/policy/view.ts'
import { bounds } from './bounds.ts'
import { askable, askCommand, type Lever, levers, nameOf } from './levers.ts'
import { ownRules, summarize } from './words.ts'

/** `view` is what is there now: what is offered instead is allowed now, not when it was denied. */
export function explain(bundle: Bundle, denied: Recorded, view: View | null): Denial {
  const { hop = 0, ...outcome } = denied.outcome
  if (hop > 0 && 'context' in denied.facts && denied.facts.worksFor !== undefined) {
    const above = { ...denied, facts: denied.facts.worksFor, outcome: { ...outcome, hop: hop - 1 } }
    const denial = explain(bundle, above, view)
    const says = `${denial.says} This is said of the task it works for.`
    return { ...denial, what: summarize(denied), says }
  }
  const [rule = 'default-deny'] = denied.outcome.rules
  const policy = bundle.rules.get(rule)
  const { says, passesIf } = ownRules.get(rule) ?? { says: rule, passesIf: '' }
  const common = {
    decisionId: denied.id,
    what: summarize(denied),
    rule,
    says: policy?.says ?? says,
    ...(policy ? { where: { file: policy.file, line: policy.line, owner: policy.owner } } : {}),
  }
  if (!('context' in denied.facts) || passesIf !== '')
    return { ...common, because: age(denied, rule), wouldPassIf: passesIf, instead: [] }
  const trial: Trial = { bundle, denied, facts: denied.facts }
  const turned = turnEach(trial)
  const change = smallestChange(trial, turned)
  return {
    ...common,
    because: reasons(trial, rule, change ?? [], turned),
    wouldPassIf: sayChange(trial, change),
    instead: alternatives(trial, change ?? [], view),
  }
}

/** What is asked again, with one fact or another turned. */
interface Trial {
  readonly bundle: Bundle
  readonly denied: Recorded
  readonly facts: Facts
}

type Turned = ReturnType<typeof turnEach>[number]

/** Each lever turned alone, and what came of it. */
function turnEach(trial: Trial) {
  return levers.flatMap(lever => {
    const facts = lever.turn(trial.facts)
    return facts === null ? [] : [{ lever, outcome: again(trial, facts) }]
  })
}

// ── the smallest change ──

/** One lever where one is enough; else a set of which none can be left out. Null: there is none. */
function smallestChange(trial: Trial, turned: readonly Turned[]): readonly Lever[] | null {
  const open = turned.filter(({ lever }) => !lever.given)
  const one = open.find(({ outcome }) => outcome.allowed)
  if (one !== undefined) return [one.lever]
  let needed = open.map(({ lever }) => lever)
  if (!isYes(trial, turnAll(trial.facts, needed))) return null
  // From the end: what is hardest to change is tried first to be left as it is.
  for (const lever of needed.toReversed()) {
    const fewer = needed.filter(each => each !== lever)
    if (isYes(trial, turnAll(trial.facts, fewer))) needed = fewer
  }
  return needed
}

function turnAll(facts: Facts, chosen: readonly Lever[]): Facts {
  return chosen.reduce((now, lever) => lever.turn(now) ?? now, facts)
}

function sayChange({ facts }: Trial, change: readonly Lever[] | null): string {
  if (change === null) return 'No small change of facts would allow this.'
  return change.map(lever => lever.says(facts)).join(', and ')
}

// ── what it hangs on ──

/** Facts that, turned alone, silence the rule; for a no because nothing permits, the smallest change. */
function reasons(
  { bundle, facts }: Trial,
  rule: string,
  change: readonly Lever[],
  turned: readonly Turned[],
): Denial['because'] {
  const silencing = bundle.rules.has(rule)
    ? turned.filter(({ outcome }) => !outcome.rules.includes(rule)).map(({ lever }) => lever)
    : []
  return (silencing.length > 0 ? silencing : change).map(lever => ({
    fact: lever.fact,
    is: lever.is(facts),
    needs: lever.needs(facts),
    from: lever.from,
  }))
}

// ── what is allowed instead ──

type Instead = Denial['instead']

function alternatives(trial: Trial, change: readonly Lever[], view: View | null): Instead {
  const { facts } = trial
  const [only] = change
  const advice =
    only?.command !== undefined && change.length === 1
      ? [{ says: `It is allowed once ${only.says(facts)}.`, command: only.command(facts) }]
      : []
  if (facts.uses.length === 0 || view === null) return advice
  return [
    ...sandboxTwin(trial, view),
    ...narrower(trial),
    ...advice,
    ...granted(trial, view),
  ].slice(0, bounds.alternatives)
}

/** The same on the sandbox twin: now, or once it is asked for. */
function sandboxTwin(trial: Trial, view: View): Instead {
  const { facts } = trial
  const twinId = view.replica.get(resourceTable, facts.resource.uid.id)?.sandboxTwinId
  const twin = twinId && elsewhere(facts, view, twinId)
  if (!twin) return []
  const name = nameOf(twin)
  if (isYes(trial, twin)) return [{ says: `The sandbox twin ${name} is open to this.` }]
  if (!isYes(trial, turnAll(twin, askable))) return []
  return [{ says: `The sandbox twin ${name}, once asked for.`, command: askCommand(twin) }]
}

/** Part of what was wanted, on the same resource. */
function narrower(trial: Trial): Instead {
  const { facts } = trial
  if (facts.uses.length === 1) return []
  const open = facts.uses.filter(use => isYes(trial, { ...facts, uses: [use] }))
  if (open.length === 0) return []
  const actions = open.map(use => use.action).join(', ')
  return [{ says: `${actions} alone is allowed on ${nameOf(facts)}.` }]
}

/** Other resources the app has grants for and may do the same on. */
function granted(trial: Trial, view: View): Instead {
  const { facts } = trial
  const app = facts.principal.attrs['app'] as { id: AppId }
  const grants = view.replica.by(grantTable, 'appId', app.id)
  const ids = new Set(grants.map(grant => grant.resourceId))
  ids.delete(facts.resource.uid.id as ResourceId)
  const actions = facts.uses.map(use => use.action).join(', ')
  return [...ids].slice(0, bounds.alternatives).flatMap(id => {
    const other = elsewhere(facts, view, id)
    const isOpen = other !== null && isYes(trial, other)
    return isOpen ? [{ says: `${actions} is allowed on ${nameOf(other)}.` }] : []
  })
}

function elsewhere(facts: Facts, view: View, resourceId: ResourceId): Facts | null {
  const task = facts.context['task'] as unknown as { id: { id: TaskId } }
  const gathered = factsOfWork(view, {
    via: facts.context['via'] as Via | undefined,
    identityId: facts.principal.uid.id as IdentityId,
    taskId: task.id.id,
    resourceId,
    actions: facts.uses.map(use => use.action),
  })
  return 'context' in gathered.facts ? gathered.facts : null
}

// ── asking again ──

function again({ bundle, denied }: Trial, facts: Facts): Outcome {
  const { outcome: _, ...asked } = denied
  // What policy says, not what goes on against it while an app is watched.
  const { watchedUntil: __, ...judged } = facts
  return judge(bundle, { ...asked, facts: judged })
}

function isYes(trial: Trial, facts: Facts): boolean {
  return again(trial, facts).allowed
}

function age({ freshness }: Recorded, rule: string): Denial['because'] {
  if (rule !== 'stale-facts') return []
  const seconds = (ms: number) => `${Math.round(ms / 100) / 10} s`
  const needs = `at most ${seconds(limits.freshForIssueMs)}`
  return [{ fact: 'age of the facts', is: seconds(freshness.ageMs), needs, from: 'log' }]
}
