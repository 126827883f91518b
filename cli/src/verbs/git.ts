/**
 * git inside a run: an address of the target leads to our door, and who asks for a password there is told the
 * word by a helper of ours (git-credential(1)). INVARIANT: nothing is stored, no other host is answered.
 */
import { resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Answer } from '../answer.ts'
import type { Cli } from '../cli.ts'

/** `NAME_URL` and `NAME_TOKEN` say where our door is, and its word. */
export function gitSettings(env: NodeJS.ProcessEnv, name: string, from: string): NodeJS.ProcessEnv {
  const at = env[`${name}_URL`] ?? ''
  const { origin } = new URL(at)
  const words = [process.execPath, resolve(import.meta.dirname, '../main.ts')]
  const helper = `!${words.map(word => `'${word.replaceAll("'", `'\\''`)}'`).join(' ')}`
  const settings = [
    [`url.${at}/.insteadOf`, from],
    [`http.${origin}.proxy`, ''],
    // Nobody else is asked, and nobody keeps the word.
    [`credential.${origin}.helper`, ''],
    [`credential.${origin}.helper`, `${helper} git-credential ${name}`],
  ]
  const first = Number(env['GIT_CONFIG_COUNT'] ?? 0)
  const given: NodeJS.ProcessEnv = { GIT_CONFIG_COUNT: String(first + settings.length) }
  for (const [i, [key, value]] of settings.entries())
    Object.assign(given, {
      [`GIT_CONFIG_KEY_${first + i}`]: key,
      [`GIT_CONFIG_VALUE_${first + i}`]: value,
    })
  return given
}

export async function gitCredential(cli: Cli, name: string, operation: string): Promise<Answer> {
  const { env, stdin, stdout } = cli.host
  const asked = (await text(stdin)).split('\n')
  const { host } = new URL(env[`${name}_URL`] || 'http://-')
  const isOurs = asked.includes('protocol=http') && asked.includes(`host=${host}`)
  const word = env[`${name}_TOKEN`]
  if (operation === 'get' && isOurs && word) stdout.write(`username=leasehold\npassword=${word}\n`)
  return { result: undefined }
}
