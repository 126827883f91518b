/**
 * `npm run -s conformance -- SUITE [flags]`: what others say a standard means, asked of our own parts.
 * Ends with the line `N passed, N failed`; exits 1 where any failed, or where nothing was asked.
 *
 * The project holds no corpus: whoever runs this names a file.
 */
interface Tally {
  passed: number
  failed: number
}

/** `args`: the flags after its name. `say` is for people and goes to standard error. */
export type Suite = (args: string[], say: (text: string) => void) => Promise<Tally> | Tally

const suites: Readonly<Record<string, () => Promise<Suite>>> = {
  cedar: async () => (await import('./cedar.ts')).runCedar,
  authzen: async () => (await import('./authzen.ts')).runAuthzen,
  mcp: async () => (await import('./mcp.ts')).runMcp,
  connectors: async () => (await import('./connectors.ts')).runConnectors,
}

if (import.meta.main) {
  const [name = '', ...args] = process.argv.slice(2)
  const suite = Object.hasOwn(suites, name) ? await suites[name]?.() : undefined
  if (suite === undefined)
    throw new Error(`no suite \`${name}\`; known: ${Object.keys(suites).join(', ')}`)
  const { passed, failed } = await suite(args, text => process.stderr.write(`${text}\n`))
  console.log(`${passed} passed, ${failed} failed`)
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0
}
