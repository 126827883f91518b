/** `ship --deploy`, in CI: the server is told which bundle this is, and the runner it names gets the bytes. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { type Answer, glyph } from '../../answer.ts'
import { makeApi } from '../../api.ts'
import { appOf, type Cli, Options } from '../../cli.ts'
import { isMachine } from '../../machine.ts'
import { failed } from '../../problem.ts'
import { said } from '../../verbs/kit.ts'
import { during, openTask } from '../../verbs/task.ts'

const left = ['.git', '.leasehold', '.env*', '.bin'].map(name => `--exclude=${name}`)
const lines = '`permissions: { id-token: write }` and `- run: leasehold ship --deploy`'
type Said = Record<'runner' | 'warrant' | 'address' | 'commit', string>

export async function deploy(cli: Cli): Promise<Answer> {
  if (!isMachine(cli.host.env))
    throw failed('CI deploys an app: its workflow has two lines for that.', lines)
  const words = ['-c', '--format=ustar', ...left, '-C', cli.host.cwd, '.']
  const bundle = execFileSync('tar', words, { maxBuffer: 1 << 26 })
  const digest = createHash('sha256').update(bundle).digest('hex')
  const [app, purpose] = [appOf(cli), cli.options.text('purpose') ?? 'publish']
  const job = { ...cli, options: new Options({ as: `${app}/publish`, purpose }) }
  const task = await openTask(job, [])
  return during(job, task, async () => {
    const { runner, warrant } = (await task.api.post(`/v1/apps/${app}/ship/${digest}`, {})) as Said
    const put = { method: 'PUT', bytes: new Uint8Array(bundle), timeoutMs: 180_000 } as const
    const to = makeApi(new URL(runner), false, async () => warrant)
    const shipped = (await to.post(`/v1/apps/${app}`, {}, put)) as Said
    return said(shipped, [`${glyph.ok} ${shipped.address} answers with ${shipped.commit}`, 'ship'])
  })
}
