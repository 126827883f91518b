// Runs the project's own rules over the tree: imports and cycles, size, the two pages that mirror
// it. Part of `npm test`. Prints the size table and each place where a rule does not hold; exits 1
// where there is one. Warnings (a long function) are for the reader and change nothing.
import { dirname } from 'node:path'
import { checkArchitecture, checkDependencies } from './documents.ts'
import { type Breach, checkImports } from './imports.ts'
import { measureSize, printSize } from './size.ts'
import { readSources } from './source.ts'

checkTree(dirname(dirname(import.meta.dirname)))

function checkTree(root: string): void {
  const sources = readSources(root)
  const size = measureSize(root, sources)
  const found = [
    ...checkImports(root, sources),
    ...size.breaches,
    ...checkArchitecture(root),
    ...checkDependencies(root),
  ]
  console.log(printSize(size))
  for (const one of size.warnings) console.log(`  warning  ${print(one)}`)
  for (const one of found) console.log(`  ✕ ${print(one)}`)
  console.log(`  rules: ${sources.length} files read, ${found.length} places to mend`)
  process.exitCode = found.length > 0 ? 1 : 0
}

function print({ file, line, text }: Breach): string {
  return `${line > 0 ? `${file}:${line}` : file}  ${text}`
}
