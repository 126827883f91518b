/**
 * A bundle: the schema and all policy files in force together, as one canonical text with one hash.
 * Opening it parses and validates every rule; a bundle with a fault does not open.
 *
 * The product's files come with the program. A company's files are added to them; a file that says
 * `// replaces: <name>` on a line of its own takes the place of that one. Not here: who may change it.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { sha256Hex } from '../base/hash.ts'
import { canonicalJson } from '../base/json.ts'
import { type Problem, problemOf } from '../base/problem.ts'
import * as cedar from './engine/cedar.ts'
import { compileEngine } from './engine/compiled.ts'

export interface PolicyFile {
  readonly name: string
  readonly by: 'product' | 'company'
  readonly text: string
}

export interface BundleText {
  readonly v: 1
  readonly schema: string
  readonly files: readonly PolicyFile[]
}

export interface Rule {
  /** The `@id` of the policy: what decisions name. */
  readonly id: string
  readonly effect: 'permit' | 'forbid'
  /** One plain sentence, from `@says`. */
  readonly says: string
  readonly owner: string
  readonly file: string
  /** Line of the file where the policy begins, from 1. */
  readonly line: number
  /** `@durable("")`: what it decides is in the database before the answer is given. */
  readonly isDurable: boolean
}

export interface Bundle {
  readonly text: BundleText
  /** Canonical JSON of `text`, and its SHA-256 in hex. */
  readonly body: string
  readonly hash: string
  /** In the order they are read: what stops everything comes first. */
  readonly rules: ReadonlyMap<string, Rule>
  readonly engine: cedar.Engine
  /** The same rules compiled, for what is asked often and issues nothing. */
  readonly quick: Pick<cedar.Engine, 'ask'>
}

/** What was opened last, latest first: reading the same text again costs a third of a second. */
const opened: Bundle[] = []

/** Problem `invalid-field` naming file and line of the first fault. */
export function openBundle(text: BundleText): Bundle {
  const body = canonicalJson(text)
  const bundle = opened.find(each => each.body === body) ?? readBundle(text, body)
  opened.splice(0, 4, ...[bundle, ...opened.filter(each => each !== bundle)].slice(0, 4))
  return bundle
}

function readBundle(text: BundleText, body: string): Bundle {
  const rules = new Map<string, Rule>()
  const policies = new Map<string, cedar.Policy>()
  for (const file of text.files)
    for (const { rule, policy } of readFile(file)) {
      const other = rules.get(rule.id)
      if (other !== undefined)
        throw faulty(file.name, rule.line, `\`${rule.id}\` is a rule of ${other.file} already`)
      rules.set(rule.id, rule)
      policies.set(rule.id, policy)
    }
  for (const fault of cedar.findFaults(text.schema, policies))
    throw placed(fault, text, rules, policies)
  const engine = new cedar.Engine(text.schema, policies)
  const quick = compileEngine(text.schema, policies, engine)
  return { text, body, hash: sha256Hex(body), rules, engine, quick }
}

/** Where the program's own rules and their cases are. */
export const guardrails = new URL('../../../policies/guardrails/', import.meta.url)

/** What the program brings along: the schema and the guardrails, from the disk. */
export function readShipped(): BundleText {
  const schema = readFileSync(new URL('schema.cedarschema', import.meta.url), 'utf8')
  const names = readdirSync(guardrails).filter(name => name.endsWith('.cedar'))
  const files = names.sort().map(name => {
    const text = readFileSync(new URL(name, guardrails), 'utf8')
    return { name: `guardrails/${name}`, by: 'product', text } as const
  })
  return { v: 1, schema, files }
}

/** The product follows the program, the company's files stay; one that replaced a file still does. */
export function renewText(shipped: BundleText, held: BundleText | null): BundleText {
  const own = held?.files.filter(file => file.by === 'company') ?? []
  const ours = shipped.files.map(file => own.find(each => each.name === file.name) ?? file)
  return { ...shipped, files: [...ours, ...own.filter(file => !ours.includes(file))] }
}

/** The bundle with one more file of the company, or with another version of one. */
export function withFile(text: BundleText, file: string): BundleText {
  const named = /^\/\/ replaces: (\S+)$/m.exec(file)?.[1]
  const line = lineAt(file, file.indexOf('// replaces:'))
  if (named !== undefined && !text.files.some(each => each.name === named))
    throw faulty('the file', line, `there is no file ${named}`)
  const first = readFile({ name: 'the file', by: 'company', text: file })[0]?.rule.id
  const name = named ?? `company/${first ?? 'empty'}.cedar`
  const added: PolicyFile = { name, by: 'company', text: file }
  const isThere = text.files.some(each => each.name === name)
  const files = text.files.map(each => (each.name === name ? added : each))
  return { ...text, files: isThere ? files : [...files, added] }
}

function readFile(file: PolicyFile): { rule: Rule; policy: cedar.Policy }[] {
  const parts = cedar.splitPolicies(file.text)
  if ('fault' in parts) throw faulty(file.name, lineOf(file.text, parts.fault), parts.fault.says)
  let from = 0
  return parts.policies.map(text => {
    const at = file.text.indexOf(text, from)
    from = at + text.length
    const line = lineAt(file.text, at)
    const policy = cedar.parsePolicy(text)
    const { effect, annotations } = policy
    const [id, says, owner] = ['id', 'says', 'owner'].map(name => annotations.get(name))
    if (id === undefined || !/^[a-z][a-z0-9-]{1,59}$/.test(id))
      throw faulty(file.name, line, 'a policy needs `@id("short-name-with-dashes")` above it')
    if (says === undefined || says.trim() === '')
      throw faulty(file.name, line, `\`${id}\` needs \`@says("One plain sentence.")\` above it`)
    // So that one grant which would do is never hidden by another (design §3.5).
    if (effect === 'forbid' && policy.reads.has('grant'))
      throw faulty(file.name, line, `\`${id}\` forbids, and what forbids can not look at the grant`)
    const isDurable = annotations.has('durable')
    const rule = { id, effect, says, owner: owner ?? '', file: file.name, line, isDurable }
    return { rule, policy }
  })
}

function placed(
  fault: cedar.Fault,
  text: BundleText,
  rules: ReadonlyMap<string, Rule>,
  policies: ReadonlyMap<string, cedar.Policy>,
): Problem {
  const rule = fault.rule === null ? undefined : rules.get(fault.rule)
  if (rule === undefined) return faulty('the schema', lineOf(text.schema, fault), fault.says)
  const inside = lineOf(policies.get(rule.id)?.text ?? '', fault) - 1
  return faulty(rule.file, rule.line + inside, fault.says)
}

function faulty(file: string, line: number, says: string): Problem {
  return problemOf('policy-line-wrong', { file, line, says, field: 'text' })
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length
}

/** The engine counts bytes. */
function lineOf(text: string, { at }: cedar.Fault): number {
  return Buffer.from(text).subarray(0, at).toString().split('\n').length
}
