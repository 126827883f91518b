/**
 * Reads the plain part of YAML that a day is written in: maps, lists and texts, each with its row. No
 * anchors, tags, block texts, flow maps or second documents, and no value but text: what a row means is
 * the same for every reader of the file.
 *
 * ATTACKER: the file. It is small, shallow, and no name in it is given twice.
 */
import { type Problem, usage } from '../../problem.ts'

/** 400 teams take some 80 KiB. */
const maxBytes = 512 * 1024
const maxDepth = 6

export type Members = ReadonlyMap<string, Node>
export type Node = { readonly row: number; readonly value: string | readonly Node[] | Members }
type Line = { readonly row: number; readonly indent: number; readonly text: string }
type Reader = { readonly lines: Line[]; at: number }

/** What is wrong there, and what to do. */
export function refuseRow(row: number, what: string, next = 'Mend that row, then again.'): Problem {
  return usage(`Row ${row}: ${what}`, next)
}

/** Throws a Problem that names the row. */
export function parseYaml(text: string): Node {
  const bytes = Buffer.from(text)
  if (bytes.length > maxBytes) {
    const row = bytes.subarray(0, maxBytes).toString('latin1').split('\n').length
    const what = `here the file passes ${maxBytes} bytes; it has ${bytes.length}.`
    throw refuseRow(row, what, 'A team takes a few rows. Is it the right file?')
  }
  const lines = text.split('\n').flatMap((line, i) => lineOf(line.replace(/\r$/, ''), i + 1))
  const reader = { lines, at: 0 }
  if (lines[0] === undefined) throw refuseRow(1, 'the file is empty.')
  const node = readBlock(reader, lines[0].indent, 1)
  const left = lines[reader.at]
  if (left) throw refuseRow(left.row, 'it does not belong to what stands above it.')
  return node
}

/** A quote inside a word is a letter; `#` begins a comment at the start or after a space. */
const unquoted = /^(?:(?<=[^\s,[:-])["']|"(?:\\.|[^"\\])*"|'(?:''|[^'])*'|(?<=\S)#|[^"'#])*/

function lineOf(line: string, row: number): Line[] {
  const [blank = ''] = /^[ \t]*/.exec(line) ?? []
  const told = line.slice(blank.length)
  const [kept = ''] = unquoted.exec(told) ?? []
  if (!['', '#'].includes(told.charAt(kept.length))) throw refuseRow(row, 'a quote has no end.')
  const text = kept.trimEnd()
  if (text === '') return []
  if (blank.includes('\t')) throw refuseRow(row, 'it begins with a tab; indent with spaces.')
  if (/^(---|\.\.\.|%)/.test(text)) throw refuseRow(row, 'one document, without `---` or `%`.')
  return [{ row, indent: blank.length, text }]
}

const isItem = (line: Line | undefined) => /^-( |$)/.test(line?.text ?? '')
const member = /^([A-Za-z][\w.-]{0,79}):(?:\s+(.*))?$/

function readBlock(reader: Reader, indent: number, depth: number): Node {
  const { lines } = reader
  const row = lines[reader.at]?.row ?? 0
  if (depth > maxDepth) throw refuseRow(row, 'it is nested too deep.')
  const [items, members] = [[] as Node[], new Map<string, Node>()]
  const isList = isItem(lines[reader.at])
  for (;;) {
    const line = lines[reader.at]
    if (line?.indent !== indent || isItem(line) !== isList) break
    if (isList) items.push(readItem(reader, line, depth))
    else readMember(reader, line, { members, depth })
  }
  const odd = lines[reader.at]
  if (odd && odd.indent > indent) throw refuseRow(odd.row, 'it is further in than it may be.')
  return { row, value: isList ? items : members }
}

function readItem(reader: Reader, line: Line, depth: number): Node {
  const text = line.text.slice(1).trimStart()
  const indent = line.indent + line.text.length - text.length
  const inner = { row: line.row, indent, text }
  // What follows the dash is a block of its own, as far in as it stands.
  if (member.test(text) || isItem(inner)) {
    reader.lines[reader.at] = inner
    return readBlock(reader, indent, depth + 1)
  }
  reader.at++
  return text === '' ? readBelow(reader, line, depth) : readValue(text, line.row)
}

type In = { readonly members: Map<string, Node>; readonly depth: number }

function readMember(reader: Reader, line: Line, { members, depth }: In): void {
  const [, name, value = ''] = member.exec(line.text) ?? []
  if (name === undefined) throw refuseRow(line.row, 'it is no `name: value` and no `- item`.')
  const before = members.get(name)
  if (before) throw refuseRow(line.row, `\`${name}\` is there already, in row ${before.row}.`)
  reader.at++
  members.set(name, value === '' ? readBelow(reader, line, depth) : readValue(value, line.row))
}

/** A list may stand as far left as the name it belongs to. */
function readBelow(reader: Reader, above: Line, depth: number): Node {
  const line = reader.lines[reader.at]
  const least = isItem(line) && !isItem(above) ? above.indent : above.indent + 1
  if (!line || line.indent < least) throw refuseRow(above.row, 'it has no value.')
  return readBlock(reader, line.indent, depth + 1)
}

function readValue(text: string, row: number): Node {
  if (!text.startsWith('[')) return { row, value: readText(text, row) }
  if (!text.endsWith(']')) throw refuseRow(row, 'a list in brackets ends in the same row.')
  const parts = text.slice(1, -1).split(',')
  const named = parts.length === 1 && parts[0]?.trim() === '' ? [] : parts
  return { row, value: named.map(part => ({ row, value: readText(part.trim(), row) })) }
}

function readText(text: string, row: number): string {
  if (/^'.*'$/.test(text)) return text.slice(1, -1).replaceAll("''", "'")
  try {
    if (text.startsWith('"')) return JSON.parse(text) as string
  } catch {
    throw refuseRow(row, 'what is in double quotes is not written as JSON writes it.')
  }
  if (text === '' || /^[&*!|>{}[\]%@`'?]|:(\s|$)/.test(text))
    throw refuseRow(row, `only plain texts are read; put \`${text.slice(0, 40)}\` in quotes.`)
  return text
}
