/** Reads what each rule of a Cedar file says of itself: its annotations. Not a parser; the server has one. */

export interface Rule {
  readonly id: string
  readonly says: string
  readonly owner: string
  readonly effect: 'permit' | 'forbid'
}

export function readRules(text: string): Rule[] {
  const code = text.replaceAll(/^\s*\/\/.*$/gm, '')
  const rules: Rule[] = []
  for (const [, head = '', effect] of code.matchAll(
    /((?:@\w+\s*\(\s*"(?:[^"\\]|\\.)*"\s*\)\s*)*)\b(permit|forbid)\s*\(/g,
  )) {
    const said = new Map<string, string>()
    for (const [, name = '', value = ''] of head.matchAll(/@(\w+)\s*\(\s*"((?:[^"\\]|\\.)*)"/g))
      said.set(name, value.replaceAll(/\\(.)/g, '$1'))
    rules.push({
      id: said.get('id') ?? `rule ${rules.length + 1}`,
      says: said.get('says') ?? '',
      owner: said.get('owner') ?? '',
      effect: effect === 'permit' ? 'permit' : 'forbid',
    })
  }
  return rules
}
