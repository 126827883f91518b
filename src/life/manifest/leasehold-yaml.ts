/**
 * Reads `leasehold.yaml`, the boundary an app works in: which purposes it has and what each needs.
 * Pure. YAML is the form alone: no anchors, aliases, tags or second documents, no key nobody knows.
 *
 * ATTACKER: the file. It comes from a repository anybody may have written to.
 */

import * as yaml from 'yaml'
import type { z } from 'zod'
import { sha256Hex } from '../../core/base/hash.ts'
import { canonicalJson } from '../../core/base/json.ts'
import { dataActions } from '../../core/base/permit.ts'
import { type Problem, problemOf } from '../../core/base/problem.ts'
import { safeText } from '../../core/base/text.ts'
import type { ManifestText } from '../../core/grant/manifest.ts'
import type { Purpose } from '../../core/grant/rows.ts'
import { bounds } from './bounds.ts'
import { manifestShape, type purposeShape } from './manifest-schema.ts'

/** Problem `invalid-field` names the line and what may stand there. */
export function parseLeaseholdYaml(text: string): ManifestText {
  if (Buffer.byteLength(text) > bounds.manifestBytes)
    throw problemOf('manifest-too-large', { manifestBytes: bounds.manifestBytes })
  refuseDeep(text)
  const lines = new yaml.LineCounter()
  const document = yaml.parseDocument(text, {
    lineCounter: lines,
    schema: 'core',
    stringKeys: true,
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'error',
  })
  refuseUnplain(document, lines)
  const result = manifestShape.safeParse(document.toJS({ maxAliasCount: 0 }))
  if (!result.success) throw refuse(document, lines, result.error.issues)
  const { app, purposes, template = '' } = result.data
  const names = Object.keys(purposes).sort()
  if (names.length === 0 || names.length > bounds.manifestPurposes)
    throw atLine(lineOf(document, lines, ['purposes']), {
      field: '/purposes',
      detail: `\`purposes\` names 1 to ${bounds.manifestPurposes} purposes.`,
    })
  const said = new Map(names.map(name => [name, purposes[name]?.says ?? '']))
  // No purpose has no name.
  if (template !== '') said.set('', template)
  return {
    app,
    purposes: names.map(name => plain(name, purposes[name])),
    says: Object.fromEntries(said),
    digest: sha256Hex(canonicalJson(result.data)),
  }
}

/** Twice the same need is one; order does not matter. */
function plain(name: string, given: z.infer<typeof purposeShape> | undefined): Purpose {
  const needs = new Map<string, Set<(typeof dataActions)[number]>>()
  for (const { resource, actions } of given?.needs ?? [])
    needs.set(resource, new Set([...(needs.get(resource) ?? []), ...actions]))
  return {
    name,
    needs: [...needs]
      .map(([resource, actions]) => ({
        resource,
        actions: dataActions.filter(action => actions.has(action)),
      }))
      .sort((a, b) => (a.resource < b.resource ? -1 : 1)),
    egress: [...new Set(given?.egress ?? [])].sort(),
  }
}

/** The YAML library makes a pattern as long as an indentation; a few thousand columns end the process. */
function refuseDeep(text: string): void {
  const deep = new RegExp(`^[\\s\\-?:]{${bounds.manifestIndent + 1}}`)
  for (const [i, line] of text.split('\n').entries())
    if (deep.test(line))
      throw atLine(i + 1, { detail: `It is indented more than ${bounds.manifestIndent} columns.` })
}

function refuseUnplain(document: yaml.Document, lines: yaml.LineCounter): void {
  const [first] = [...document.errors, ...document.warnings]
  if (first !== undefined)
    throw atLine(lines.linePos(first.pos[0]).line, {
      detail: `It is not plain YAML: ${safeText(first.message)}.`,
    })
  yaml.visit(document, {
    Node(_key, node) {
      const isNamed = yaml.isAlias(node) || ('anchor' in node && node.anchor !== undefined)
      if (isNamed || node.tag !== undefined)
        throw atLine(lineAt(node, lines), { detail: 'Anchors, aliases and tags are not allowed.' })
    },
    Map(_key, map) {
      const seen = new Set<unknown>()
      for (const { key } of map.items) {
        const name = yaml.isScalar(key) ? key.value : key
        if (seen.has(name))
          throw atLine(yaml.isNode(key) ? lineAt(key, lines) : 1, {
            detail: `The key \`${safeText(String(name), 60)}\` occurs twice.`,
          })
        seen.add(name)
      }
    },
  })
}

type Issue = z.core.$ZodIssue

/** The first fault, at its line, with what may stand there. */
function refuse(document: yaml.Document, lines: yaml.LineCounter, issues: readonly Issue[]) {
  const [issue] = issues
  if (issue === undefined) throw new Error('a refused file has a fault')
  const path = issue.path.map(String)
  const field = `/${path.join('/')}`
  if (issue.code === 'unrecognized_keys') {
    const [key = ''] = issue.keys
    return atLine(lineOf(document, lines, [...path, key]), {
      field: `${field}/${key}`.replace('//', '/'),
      detail: `\`${safeText(key, 60)}\` is not a key here.`,
    })
  }
  const message =
    issue.code === 'invalid_key' ? 'is not a name: a-z, 0-9 and dashes' : issue.message
  return atLine(lineOf(document, lines, path), {
    field,
    detail: `\`${safeText(path.at(-1) ?? 'the file', 60)}\`: ${safeText(message)}.`,
  })
}

/** Line of the key or item at `path`; of the nearest thing around it when it is missing. */
function lineOf(document: yaml.Document, lines: yaml.LineCounter, path: readonly string[]): number {
  let at: unknown = document.contents
  let line = 1
  for (const part of path) {
    const pairs: yaml.Pair[] = yaml.isMap(at) ? at.items : []
    const pair = pairs.find(({ key }) => yaml.isScalar(key) && key.value === part)
    const item = yaml.isSeq(at) ? at.items[Number(part)] : pair?.key
    if (!yaml.isNode(item)) break
    line = lineAt(item, lines)
    at = pair === undefined ? item : pair.value
  }
  return line
}

function lineAt(node: yaml.Node, lines: yaml.LineCounter): number {
  return node.range ? lines.linePos(node.range[0]).line : 1
}

function atLine(line: number, text: { field?: string; detail: string }): Problem {
  return problemOf('manifest-line-wrong', { line, detail: text.detail, field: text.field ?? '/' })
}
