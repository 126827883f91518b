/**
 * YAML as the form of a value and nothing else: one document, no anchors, aliases or tags, no key twice.
 * Pure. ATTACKER: the file, which a person was sent by somebody.
 */
import * as yaml from 'yaml'
import type { Json } from '../../src/core/base/json.ts'
import { Problem } from '../../src/core/base/problem.ts'
import { safeText } from '../../src/core/base/text.ts'

const most = { bytes: 32 * 1024, indent: 40 }

/** Problem `invalid-field` names the line, and never what stands there. */
export function parsePlainYaml(text: string): Json {
  if (Buffer.byteLength(text) > most.bytes) throw refuse(`is larger than ${most.bytes} bytes`)
  // The YAML library makes a pattern as long as an indentation; a few thousand columns end the process.
  if (new RegExp(`^[ \\t\\-?:]{${most.indent + 1}}`, 'm').test(text))
    throw refuse(`is indented more than ${most.indent} columns`)
  const lines = new yaml.LineCounter()
  const document = yaml.parseDocument(text, {
    lineCounter: lines,
    schema: 'core',
    stringKeys: true,
    uniqueKeys: true,
    prettyErrors: false,
    logLevel: 'error',
  })
  const [first] = [...document.errors, ...document.warnings]
  if (first !== undefined)
    throw refuse(`is not plain YAML at line ${lines.linePos(first.pos[0]).line}: ${first.code}`)
  yaml.visit(document, {
    Node(_key, node) {
      const isNamed = yaml.isAlias(node) || ('anchor' in node && node.anchor !== undefined)
      if (!isNamed && node.tag === undefined) return
      const { line } = lines.linePos(node.range?.[0] ?? 0)
      throw refuse(`has an anchor, an alias or a tag at line ${line}`)
    },
  })
  return document.toJS({ maxAliasCount: 0 }) as Json
}

function refuse(what: string): Problem {
  return new Problem('invalid-field', {
    field: 'connect.file',
    detail: `\`connect.file\` ${safeText(what)}.`,
    next: 'What may stand there: docs/declared-system.schema.json',
  })
}
