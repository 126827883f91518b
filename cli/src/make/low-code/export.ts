/**
 * Reads what low-code products export: which connected accounts a workflow uses, and nothing of what it does with them.
 * Pure. The shapes:
 * - n8n: a workflow, a list of them, or the API's `data` ("Export and import workflows", docs.n8n.io): a node's
 *   `credentials` are `{ type: { id, name } }`, in old files `{ type: name }`.
 * - Make: a scenario's blueprint ("Get scenario blueprint", developers.make.com): a connection is a parameter, mostly
 *   `__IMTCONN__`, that `metadata.restore.parameters` says the label and the kind of. Routes and error handlers nest.
 * - Zapier: `zapfile.json` ("Export or delete your Zapier account data", help.zapier.com): the nodes of each of `zaps`
 *   have `selected_api` and `authentication_id`. It names no account.
 *
 * ATTACKER: the file. Names in it are anybody's; parameters may hold credentials. INVARIANT: no value of a parameter
 * leaves this file, and no name that reads like a credential.
 */
import { usage } from '../../problem.ts'
import { safeLine } from '../../text.ts'
import { credentialsIn } from '../agent/credentials.ts'

/** `label`: what `--account` calls it. `kind`: as the product says it, `slackOAuth2Api`. `usedBy`: names of nodes. */
export type Account = Record<'label' | 'kind' | 'name', string> & { usedBy: string[] }
type Product = 'n8n' | 'Make' | 'Zapier'
/**
 * `name`: of the first workflow, empty where it has none to show. `written`: nodes with what reads like a credential in
 * them, which no inventory shows.
 */
export type Exported = { product: Product; name: string; accounts: Account[]; written: string[] }

const most = { nodes: 10_000, accounts: 50, chars: 1_000_000, nameChars: 100, users: 20 }

type Json = Readonly<Record<string, unknown>>
type Used = { id: string; kind: string; name: string }
type Node = { name: string; inside: unknown; uses: Used[] }
type Workflow = { name: string; nodes: Node[] }

/** Problem where it is none of the three, is too large, or holds the credentials themselves. */
export function readExport(text: string): Exported {
  const { product, flows } = recognise(text)
  const nodes = flows.flatMap(flow => {
    const of = flows.length > 1 ? `${shown(flow.name, 'a workflow')}: ` : ''
    return flow.nodes.map(node => ({ ...node, by: of + shown(node.name, 'a node') }))
  })
  const uses = nodes.flatMap(({ uses, by }) => uses.map(used => ({ ...used, by })))
  const each = [...Map.groupBy(uses, ({ kind, id }) => `${kind} ${id}`).values()]
  if (nodes.length > most.nodes || each.length > most.accounts)
    throw usage(`More than ${most.nodes} nodes or ${most.accounts} accounts.`, 'Export less.')
  const names = each.map(([first]) => shown(first?.name ?? '', 'account'))
  const accounts = each.map((same, i) => {
    const [kind, name = ''] = [shown(same[0]?.kind ?? '', 'account'), names[i]]
    const label = names.filter(other => other === name).length > 1 ? `${name} #${i + 1}` : name
    const usedBy = [...new Set(same.map(({ by }) => by))].slice(0, most.users)
    return { label, kind, name, usedBy }
  })
  const written = nodes.filter(holdsCredential).map(({ by }) => by)
  return { product, name: shown(flows[0]?.name ?? '', ''), accounts, written }
}

const again = 'n8n: Download. Make: Export blueprint. Zapier: zapfile.json of your account data.'

function recognise(text: string): { product: Product; flows: Workflow[] } {
  let file: unknown
  try {
    file = JSON.parse(text)
  } catch {}
  const whole = objectOf(file)
  const all = Array.isArray(file) ? file : Array.isArray(whole['data']) ? whole['data'] : [file]
  const each = all.map(objectOf)
  if (each.some(one => 'data' in one && 'type' in one && 'name' in one))
    throw usage('These are credentials of n8n, no workflow. Nothing was sent.', 'Delete that file.')
  if (each.length > 0 && each.every(one => Array.isArray(one['nodes'])))
    return { product: 'n8n', flows: each.map(ofN8n) }
  const blueprint = objectOf(objectOf(whole['response'])['blueprint'] ?? whole['blueprint'] ?? file)
  if (Array.isArray(blueprint['flow'])) return { product: 'Make', flows: [ofMake(blueprint)] }
  if (Array.isArray(whole['zaps']))
    return { product: 'Zapier', flows: whole['zaps'].map(objectOf).map(ofZapier) }
  throw usage('That is no export of n8n, Make or Zapier.', again)
}

function ofN8n(flow: Json): Workflow {
  const nodes = listOf(flow['nodes']).map(node => {
    const uses = Object.entries(objectOf(node['credentials'])).map(([kind, said]) => {
      const { id, name = id } = typeof said === 'string' ? { id: said } : objectOf(said)
      return { id: textOf(id ?? name), kind, name: textOf(name) }
    })
    return { name: textOf(node['name']), inside: node['parameters'], uses }
  })
  return { name: textOf(flow['name']), nodes }
}

function ofMake(blueprint: Json): Workflow {
  const nodes: Node[] = []
  const open = listOf(blueprint['flow'])
  for (let step = open.shift(); step !== undefined; step = open.shift()) {
    open.push(...listOf(step['routes']).flatMap(route => listOf(route['flow'])))
    open.push(...listOf(step['onerror']))
    const [app = '', action = ''] = textOf(step['module']).split(':')
    const { designer, restore } = objectOf(step['metadata'])
    const said = objectOf(objectOf(restore)['parameters'])
    const uses = Object.entries(objectOf(step['parameters'])).flatMap(([parameter, value]) => {
      const { label, data } = objectOf(said[parameter])
      const kind = objectOf(data)['connection']
      if (parameter !== '__IMTCONN__' && kind === undefined) return []
      const id = textOf(value)
      return [{ id, kind: textOf(kind ?? app), name: textOf(label ?? `connection ${id}`) }]
    })
    const name = textOf(objectOf(designer)['name'] ?? `${app} ${action} ${textOf(step['id'])}`)
    nodes.push({ name, inside: [step['parameters'], step['mapper']], uses })
  }
  return { name: textOf(blueprint['name']), nodes }
}

function ofZapier(zap: Json): Workflow {
  const nodes = Object.values(objectOf(zap['nodes']))
    .map(objectOf)
    .map(node => {
      const kind = textOf(node['selected_api']).replace(/(CLI)?API(@.*)?$/, '')
      const id = textOf(node['authentication_id'])
      const title = objectOf(node['meta'])['stepTitle'] ?? node['title'] ?? textOf(node['action'])
      const uses = id === '' ? [] : [{ id, kind, name: `${kind} ${id.slice(0, 8)}` }]
      return { name: `${kind} ${textOf(title)}`, inside: node['params'], uses }
    })
  return { name: textOf(zap['title']), nodes }
}

/** True also where it is too long to be looked through: then nobody knows. */
function holdsCredential({ inside }: Node): boolean {
  const text = JSON.stringify(inside ?? '')
  return text.length > most.chars || credentialsIn(text).length > 0
}

/** One line, of a length people read; `instead` where it says nothing, or reads like a credential. */
function shown(text: string, instead: string): string {
  const line = safeLine(text, most.nameChars).trim()
  return line === '' || credentialsIn(line).length > 0 ? instead : line
}

const objectOf = (value: unknown): Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {}
const listOf = (value: unknown): Json[] => (Array.isArray(value) ? value.map(objectOf) : [])
const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : typeof value === 'number' ? String(value) : ''
