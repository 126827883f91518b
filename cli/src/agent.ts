/** Coding agents say so in the environment of what they start. They may do much, never agree. */
const signs = `CLAUDECODE CLAUDE_CODE_ENTRYPOINT CURSOR_AGENT GEMINI_CLI CLINE_ACTIVE OPENCODE
  ANTIGRAVITY_CLI_ALIAS OPENCLAW_SHELL AI_AGENT`.split(/\s+/)

export function isAgent(env: Readonly<Record<string, string | undefined>>): boolean {
  const isSet = (value: string | undefined) => !['', '0', 'false', undefined].includes(value)
  return Object.keys(env).some(
    name => (signs.includes(name) || name.startsWith('CODEX_')) && isSet(env[name]),
  )
}
