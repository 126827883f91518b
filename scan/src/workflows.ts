/**
 * What a GitHub Actions workflow keeps: its jobs, the secrets each can read, and which known way of
 * signing in they are for. Pure; reads names alone, no value is in such a file.
 *
 * Not a linter: no judgement of triggers, pins or scripts.
 */
import { LineCounter, parseDocument } from 'yaml'
import { isObject, type Json, type JsonObject } from '../../src/core/base/json.ts'

export const bounds = { chars: 256 * 1024, jobs: 100, names: 60 }

export interface Job {
  readonly name: string
  /** Names of secrets it can read, but for the token that dies with it. */
  readonly secrets: readonly string[]
  /** It hands on, or prints, all there are: no name tells which. */
  readonly isAll: boolean
  readonly recipe: string
  /** Signs in by what GitHub says of the job, and keeps nothing for that. */
  readonly isFederated: boolean
  readonly line: number
}

/** Undefined: it is no workflow that can be read. */
export function readWorkflow(text: string): Job[] | undefined {
  if (text.length > bounds.chars) return undefined
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, merge: true, logLevel: 'silent' })
  if (document.errors.length > 0) return undefined
  const all = plainOf(document)
  if (!isObject(all) || !isObject(all['jobs'])) return undefined
  return Object.entries(all['jobs'])
    .slice(0, bounds.jobs)
    .map(([name, job]) => {
      const node: unknown = document.getIn(['jobs', name], true)
      const at = isRanged(node) ? node.range[0] : 0
      return jobOf(name, job, { all, line: Math.max(1, lines.linePos(at).line - 1) })
    })
}

/** ATTACKER: aliases that grow without end. The library refuses after a hundred. */
function plainOf(document: ReturnType<typeof parseDocument>): Json {
  try {
    return document.toJS({ maxAliasCount: 100 }) as Json
  } catch {
    return null
  }
}

function jobOf(name: string, job: Json, at: { all: JsonObject; line: number }): Job {
  // What stands above the jobs is given to each.
  const texts = [...textsOf(at.all['env'] ?? null), ...textsOf(job)]
  const expressions = texts.flatMap(text => text.match(/\$\{\{.*?\}\}/gs) ?? [])
  const named = expressions.flatMap(each =>
    [...each.matchAll(/\bsecrets\s*(?:\.\s*([A-Za-z_][\w-]*)|\[\s*'([^']{1,100})'\s*\])/g)].map(
      ([, plain, quoted]) => plain ?? quoted ?? '',
    ),
  )
  const isHandedOn = isObject(job) && job['secrets'] === 'inherit'
  const isTold = expressions.some(each => /toJSON\s*\(\s*secrets\s*\)/i.test(each))
  const secrets = [...new Set(named)].filter(each => each.toUpperCase() !== 'GITHUB_TOKEN')
  const rights = [at.all['permissions'], isObject(job) ? job['permissions'] : undefined]
  const mayAsk = rights.some(
    each => each === 'write-all' || (isObject(each) && each['id-token'] === 'write'),
  )
  return {
    name,
    secrets: secrets.slice(0, bounds.names),
    isAll: isHandedOn || isTold,
    recipe: recipeOf(stepsOf(job), texts, secrets),
    isFederated: mayAsk && stepsOf(job).some(isKeyless),
    line: at.line,
  }
}

interface Step {
  readonly uses: string
  readonly with: JsonObject
}

function stepsOf(job: Json): Step[] {
  const steps = isObject(job) ? job['steps'] : undefined
  return (Array.isArray(steps) ? steps : []).filter(isObject).map((step: JsonObject) => {
    const { uses, with: inputs } = step
    return { uses: typeof uses === 'string' ? uses : '', with: isObject(inputs) ? inputs : {} }
  })
}

const isKeyless = ({ uses, with: inputs }: Step) =>
  (uses.startsWith('aws-actions/configure-aws-credentials@') &&
    'role-to-assume' in inputs &&
    !('aws-access-key-id' in inputs)) ||
  (uses.startsWith('google-github-actions/auth@') && 'workload_identity_provider' in inputs) ||
  (uses.startsWith('azure/login@') && 'client-id' in inputs && !('creds' in inputs))

/** By what is used first, else by the names that tools themselves read. */
function recipeOf(steps: readonly Step[], texts: readonly string[], secrets: readonly string[]) {
  const uses = (action: string, input: string) =>
    steps.some(step => step.uses.toLowerCase().startsWith(`${action}@`) && input in step.with)
  const named = (form: RegExp) => secrets.some(each => form.test(each))
  const says = (form: RegExp) => texts.some(each => form.test(each))
  if (secrets.length === 0) return ''
  if (uses('aws-actions/configure-aws-credentials', 'aws-access-key-id')) return 'aws'
  if (named(/^AWS_(SECRET_)?ACCESS_KEY/i)) return 'aws'
  if (uses('google-github-actions/auth', 'credentials_json')) return 'google'
  if (named(/^(GOOGLE_(APPLICATION_)?CREDENTIALS|GCP_(SA_)?(KEY|CREDENTIALS))/i)) return 'google'
  if (uses('azure/login', 'creds') || named(/^AZURE_CREDENTIALS$/i)) return 'azure'
  if (named(/^ARM_CLIENT_SECRET$/i)) return 'azureTerraform'
  if (uses('hashicorp/vault-action', 'token')) return 'vault'
  if (uses('pypa/gh-action-pypi-publish', 'password')) return 'pypi'
  if (named(/^(NPM|NODE_AUTH)_?(AUTH_)?TOKEN$/i) && says(/\bnpm publish\b/)) return 'npm'
  const registry = steps.find(step => step.uses.startsWith('docker/login-action@'))
  if (registry?.with['registry'] === 'ghcr.io' && 'password' in registry.with) return 'ghcr'
  return 'other'
}

/** Every text below, keys of objects not among them. A condition is an expression without saying so. */
function textsOf(value: Json): string[] {
  if (typeof value === 'string') return [value]
  if (value === null || typeof value !== 'object') return []
  return Object.entries(value).flatMap(([key, each]: [string, Json]) =>
    key === 'if' && typeof each === 'string' ? [`\${{ ${each} }}`] : textsOf(each),
  )
}

function isRanged(node: unknown): node is { readonly range: [number, number, number] } {
  return typeof node === 'object' && node !== null && Array.isArray(Reflect.get(node, 'range'))
}
