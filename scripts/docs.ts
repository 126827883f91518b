// Writes the pages that are made from the code, so that they can not say anything else.
//   node scripts/docs.ts            docs/configuration.md and docs/problems.md
//   node scripts/docs.ts tutorial   plays the demo with its five commands into docs/tutorial.md
// That the pages are current, and that every page's links, commands and settings exist, is a test.
import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { settings } from '../src/config.ts'
import { problemTable } from '../src/doors/api/problems.ts'
import { playTutorial, tutorialPage } from './tutorial.ts'

const root = dirname(import.meta.dirname)

/** Every setting of the server, as `src/config.ts` reads it. */
export function configurationPage(): string {
  const rows = Object.entries(settings).map(
    ([name, { unset, says }]) => `| \`${name}\` | ${says} | \`${unset}\` |`,
  )
  return `# Configuration

${made('src/config.ts')}

A server is configured by its environment, read once at the start. What it can not use, it refuses to start with, naming the
setting. Nothing here turns off the record, a check or a guardrail. How to choose: [run it for your company](how-to/run-for-your-company.md).

| setting | what it is for | without it |
|---|---|---|
${rows.join('\n')}
`
}

/** Every problem a caller can meet, as \`src/doors/api/problems.ts\` lists them. */
export function problemsPage(): string {
  const rows = Object.entries(problemTable).map(
    ([code, { title, status, exit, oauth }]) =>
      `| <a id="${code}"></a>\`${code}\` | ${title} | ${status} | \`${oauth}\` | ${exit} |`,
  )
  return `# Problems

${made('src/doors/api/problems.ts')}

What goes wrong has a code. The API answers with it as \`application/problem+json\` (RFC 9457): \`detail\` says what was wrong,
\`next\` what to do. The OAuth endpoints answer in the words of RFC 6749, the command line with a line, the next command and
an exit code. A running server explains each code at \`/problems/CODE\`.

| code | means | HTTP | OAuth | exit code |
|---|---|---|---|---|
${rows.join('\n')}
`
}

function made(from: string): string {
  return `*Made from \`${from}\` by \`node scripts/docs.ts\`; change it there.*`
}

if (import.meta.main) {
  const write = (page: string, text: string) => writeFileSync(join(root, 'docs', page), text)
  if (process.argv[2] === 'tutorial') write('tutorial.md', tutorialPage(await playTutorial()))
  else {
    write('configuration.md', configurationPage())
    write('problems.md', problemsPage())
  }
}
