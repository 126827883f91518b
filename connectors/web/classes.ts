/** What a request or a tool does, as one of the classes of data use. Pure; unknown is the strongest. */
import type { Json } from '../../src/core/base/json.ts'
import type { DataAction } from '../../src/core/base/permit.ts'
import { classOfRequest as classBy, strongest } from '../rest/classes.ts'
import { type Preset, rulesOf } from '../rest/presets.ts'
import type { PathsObject, ToolsObject } from './config.ts'

/**
 * Of `POST /v1/messages?query`: what the resource says, then what is known of the system, then its method.
 * The query is looked at for one thing: which of its services git begins (gitprotocol-http(5)).
 */
export function classOfRequest(object: Json, request: string, preset?: Preset): DataAction {
  const [asked = '', query] = request.split(/\?(.*)/s)
  const action = classOfPath(object, asked, preset)
  return action === 'read' && isPush(asked, query) ? 'write' : action
}

/** ATTACKER: a push by another spelling, or under a rule that calls all of a path reading. */
function isPush(asked: string, query: string | undefined): boolean {
  const plain = asked.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  const isFetch = query === undefined || query === 'service=git-upload-pack'
  return /git-receive-pack/i.test(plain) || (/\/info\/refs\/?$/i.test(plain) && !isFetch)
}

function classOfPath(object: Json, asked: string, preset?: Preset): DataAction {
  const own = (object as PathsObject | null)?.rules ?? []
  return classBy(
    [...own.map(({ ask, action }) => [ask, action] as const), ...rulesOf(preset)],
    asked,
  )
}

/** Of a tool: what the resource says of it, or of all; then what its server says, once agreed to. */
export function classOfTool(object: Json, name: string, said?: Json): DataAction {
  const { tools = {} } = (object ?? {}) as Partial<ToolsObject>
  const agreed = Object.hasOwn(tools, name) ? tools[name] : tools['*']
  if (agreed !== undefined) return agreed
  const hints = (said as { annotations?: Record<string, unknown> } | undefined)?.annotations ?? {}
  // MCP 2025-11-25 §server/tools: hints that are not given mean the worse.
  if (hints['readOnlyHint'] === true) return 'read'
  if (hints['destructiveHint'] === false) return 'write'
  return hints['destructiveHint'] === true ? 'destroy' : strongest
}
