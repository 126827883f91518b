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

export type Node =
  | { readonly row: number; readonly is: 'text'; readonly text: string }
  | { readonly row: number; readonly is: 'list'; readonly items: readonly Node[] }
  | { readonly row: number; readonly is: 'map'; readonly members: ReadonlyMap<string, Node> }

interface Line {
  readonly row: number
  readonly indent: number
  readonly text: string
}

/** Throws a Problem that names the row. */
export function refuseRow(row: number, what: string, next = 'Mend that row, then again.'): Problem {
  return usage(`Row ${row}: ${what}`, next)
}

export function parseYaml(text: string): Node {
  const bytes = Buffer.from(text)
  if (bytes.length > maxBytes) {
    const row = bytes.subarray(0, maxBytes).toString('latin1').split('\n').length
    const what = `here the file passes ${maxBytes} bytes; it has ${bytes.length}.`
    throw refuseRow(
      row,
      what,
      'A day has at most 1000 teams, a few rows each. Is it the right file?',
    )
  }
  const lines = text.split('\n').flatMap((line, i) => lineOf(line.replace(/\r$/, ''), i + 1))
  const [first] = lines
  if (first === undefined) throw refuseRow(1, 'the file is empty.')
  const reader = { lines, at: 0 }
  const node = readBlock(reader, first.indent, 1)
  const left = lines[reader.at]
  if (left !== undefined)
    throw refuseRow(left.row, 'it begins further left than what it belongs to.')
  return node
}

type Reader = { readonly lines: readonly Line[]; at: number }

function lineOf(line: string, row: number): Line[] {
  const [blank = ''] = /^[ \t]*/.exec(line) ?? []
  const text = withoutComment(line.slice(blank.length), row)
  if (text === '') return []
  if (blank.includes('\t')) throw refuseRow(row, 'it begins with a tab; indent with spaces.')
  if (/^(---|\.\.\.|%)/.test(text)) throw refuseRow(row, 'one document, without `---` or `%`.')
  return [{ row, indent: blank.length, text }]
}

/** `#` begins a comment at the start or after a space, outside quotes. */
function withoutComment(text: string, row: number): string {
  let quote = ''
  for (let i = 0; i < text.length; i++) {
    const letter = text.charAt(i)
    if (quote !== '') {
      if (letter === '\\' && quote === '"') i++
      else if (letter === quote) quote = ''
    } else if ((letter === '"' || letter === "'") && /(^|[\s,[:-])$/.test(text.slice(0, i)))
      quote = letter
    else if (letter === '#' && /(^|\s)$/.test(text.slice(0, i))) return text.slice(0, i).trimEnd()
  }
  if (quote !== '') throw refuseRow(row, `a ${quote} has no end.`)
  return text.trimEnd()
}

function readBlock(reader: Reader, indent: number, depth: number): Node {
  const row = reader.lines[reader.at]?.row ?? 0
  if (depth > maxDepth) throw refuseRow(row, 'it is nested too deep.')
  const isList = isItem(reader.lines[reader.at]?.text)
  return isList ? readList(reader, indent, depth) : readMap(reader, indent, depth)
}

function isItem(text = ''): boolean {
  return text === '-' || text.startsWith('- ')
}

function readList(reader: Reader, indent: number, depth: number): Node {
  const row = reader.lines[reader.at]?.row ?? 0
  const items: Node[] = []
  for (;;) {
    const line = reader.lines[reader.at]
    if (line?.indent !== indent || !isItem(line.text)) break
    const rest = line.text.slice(1).trimStart()
    const inner = indent + line.text.length - rest.length
    if (rest === '') {
      reader.at++
      items.push(readBelow(reader, line, depth))
    } else if (isMember(rest) || isItem(rest)) {
      // What follows the dash is a block of its own, as far in as it stands.
      const lines = reader.lines as Line[]
      lines[reader.at] = { row: line.row, indent: inner, text: rest }
      items.push(readBlock(reader, inner, depth + 1))
    } else {
      reader.at++
      items.push(readValue(rest, line.row))
    }
  }
  refuseOdd(reader, indent)
  return { row, is: 'list', items }
}

const member = /^([A-Za-z][\w.-]{0,79}):(?:\s+(.*))?$/

function isMember(text: string): boolean {
  return member.test(text)
}

function readMap(reader: Reader, indent: number, depth: number): Node {
  const row = reader.lines[reader.at]?.row ?? 0
  const members = new Map<string, Node>()
  for (;;) {
    const line = reader.lines[reader.at]
    if (line?.indent !== indent || isItem(line.text)) break
    const [, name, value = ''] = member.exec(line.text) ?? []
    if (name === undefined) throw refuseRow(line.row, 'it is no `name: value` and no `- item`.')
    const before = members.get(name)
    if (before !== undefined)
      throw refuseRow(line.row, `\`${name}\` is there already, in row ${before.row}.`)
    reader.at++
    members.set(name, value === '' ? readBelow(reader, line, depth) : readValue(value, line.row))
  }
  refuseOdd(reader, indent)
  return { row, is: 'map', members }
}

/** A list may stand as far left as the name it belongs to. */
function readBelow(reader: Reader, above: Line, depth: number): Node {
  const line = reader.lines[reader.at]
  const isBelow =
    line &&
    (line.indent > above.indent ||
      (line.indent === above.indent && isItem(line.text) && !isItem(above.text)))
  if (!line || isBelow !== true) throw refuseRow(above.row, 'it has no value.')
  return readBlock(reader, line.indent, depth + 1)
}

function refuseOdd({ lines, at }: Reader, indent: number): void {
  const line = lines[at]
  if (line === undefined || line.indent < indent) return
  if (line.indent > indent)
    throw refuseRow(line.row, 'it is further in than the row above lets it be.')
}

function readValue(text: string, row: number): Node {
  if (!text.startsWith('[')) return { row, is: 'text', text: readText(text, row) }
  if (!text.endsWith(']')) throw refuseRow(row, 'a list in brackets ends in the same row.')
  const inner = text.slice(1, -1).trim()
  const parts = inner === '' ? [] : inner.split(',').map(part => part.trim())
  const items = parts.map(part => ({ row, is: 'text' as const, text: readText(part, row) }))
  return { row, is: 'list', items }
}

function readText(text: string, row: number): string {
  if (/^'.*'$/.test(text)) return text.slice(1, -1).replaceAll("''", "'")
  if (text.startsWith('"')) {
    try {
      return JSON.parse(text) as string
    } catch {
      throw refuseRow(row, 'what is in double quotes is not written as JSON writes it.')
    }
  }
  if (/^[&*!|>{}[\]%@`"'?]/.test(text) || text === '')
    throw refuseRow(row, `only plain texts are read here; quote \`${text.slice(0, 40)}\`.`)
  if (/:(\s|$)/.test(text)) throw refuseRow(row, 'a text with `: ` in it is written in quotes.')
  return text
}
