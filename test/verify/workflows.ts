/**
 * Workflows of ours, as somebody would have them: those of the templates, and the examples of the pages. With
 * a folder as its argument it puts them there, with the action beside them.
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '../..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')

export type Workflow = { readonly name: string; readonly text: string }

export function workflows(): Workflow[] {
  const below = (folder: string) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
  const templates = below('templates').filter(path =>
    /_github\/workflows\/[^/]+\.ya?ml$/.test(path),
  )
  const pages = below('docs').filter(path => path.endsWith('.md'))
  return [
    ...templates.map(path => ({
      name: path.replaceAll('/', '-'),
      text: read(`templates/${path}`),
    })),
    ...pages.flatMap(path =>
      [...read(`docs/${path}`).matchAll(/^```yaml workflow\n([^]*?)^```/gm)].map(
        ([, text = ''], i) => ({
          name: `${basename(path, '.md')}-${i + 1}.yml`,
          text,
        }),
      ),
    ),
  ]
}

if (import.meta.main) {
  const [folder = ''] = process.argv.slice(2)
  mkdirSync(join(folder, '.github/workflows'), { recursive: true })
  mkdirSync(join(folder, '.git'), { recursive: true })
  cpSync(join(root, 'action'), join(folder, 'action'), { recursive: true })
  for (const { name, text } of workflows()) {
    // So that its inputs are read too.
    const local = text.replaceAll(/acme\/leasehold\/action@\w+/g, './action')
    writeFileSync(join(folder, '.github/workflows', name), local)
  }
}
