/** The file of channels: what is read of it, and what refuses the start, with the line at fault. */
import { chmod, readFile, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { isProblem } from '../../src/core/base/problem.ts'
import { channelFolder, newWebhookSecret } from '../../test/support/channels.ts'
import { openChannels } from '../registry.ts'
import { kinds } from './channel.ts'

const home = 'https://leasehold.acme.example'
const removes: (() => Promise<void>)[] = []
afterEach(async () => {
  await Promise.all(removes.splice(0).map(remove => remove()))
})

async function write(yaml: string, more: Readonly<Record<string, string>> = {}) {
  const secrets = { 'ops.secret': newWebhookSecret(), 'slack.token': 'xoxb-1234567890-abc' }
  const folder = await channelFolder({ 'notify.yaml': yaml, ...secrets, ...more })
  removes.push(folder.remove)
  return folder.file
}

async function problemOf(yaml: string, more?: Readonly<Record<string, string>>): Promise<string> {
  return refusal(await write(yaml, more))
}

function refusal(file: string): string {
  try {
    openChannels(file, home)
    return 'no problem'
  } catch (thrown) {
    if (!isProblem(thrown, 'bad-configuration')) throw thrown
    expect(thrown).toMatchObject({ field: 'LEASEHOLD_NOTIFY' })
    expect(thrown.next).toContain('docs/how-to/get-notified.md')
    return thrown.detail
  }
}

const hook =
  'channels:\n  - name: ops\n    type: webhook\n    address: https://ops.example/in\n    secret: ops.secret\n'

describe('a file of channels', () => {
  test('opens each channel that it names, and nothing where none is named', async () => {
    const slack = '  - name: acme\n    type: slack\n    token: slack.token\n    channel: C0TEAM\n'
    const mail =
      '  - name: mail\n    type: email\n    server: smtp://localhost:2525\n    from: a@acme.example\n'
    const { channels } = openChannels(await write(hook + slack + mail), home)
    expect(channels).toEqual(['ops', 'acme', 'mail'])
    expect(openChannels(null, home).channels).toEqual([])
  })

  test('is what the page shows', async () => {
    const root = join(import.meta.dirname, '../..')
    const page = await readFile(join(root, 'docs/how-to/get-notified.md'), 'utf8')
    const [, example = ''] = /```yaml\n([^]*?)```/.exec(page) ?? []
    const credential = { 'mail.credential': 'robot:of-the-mail-server' }
    const { channels } = openChannels(await write(example, credential), home)
    expect(channels).toEqual(['ops', 'acme-slack', 'mail'])
    for (const kind of kinds) expect(page).toContain(`\`${kind}\``)
  })

  test.each([
    ['an unknown member', `${hook}    colour: red\n`, /line 6: `colour` is not known/],
    [
      'a type nobody has',
      hook.replace('webhook', 'pigeon'),
      /line 3: `type` is `webhook`, `slack` or/,
    ],
    ['an address without TLS', hook.replace('https', 'http'), /line 4: `address` is `https/],
    ['an address with a password', hook.replace('ops.example', 'a:b@ops.example'), /line 4/],
    ['an address with a query', hook.replace('/in', '/in?key=x'), /line 4: `address`/],
    ['a missing member', hook.replace(/ {4}secret.*\n/, ''), /line 2: `secret`/],
    ['a name that is none', hook.replace('name: ops', 'name: ../ops'), /line 2: `name`/],
    [
      'a kind that nothing has',
      `${hook}    kinds: [request.created, app.boiled]\n`,
      /line 6: `kinds`/,
    ],
    ['a name twice', hook + hook.slice('channels:\n'.length), /line 6: `name` is there twice/],
    ['no channel', 'channels: []\n', /line 1: `channels`/],
    ['a list alone', '- a\n', /line 1/],
    ['nothing', '', /line 1/],
    ['broken YAML', 'channels:\n  - name: "ops\n', /line \d: this is not plain YAML/],
    [
      'a key twice',
      `${hook}    type: webhook\n`,
      /line 6: this is not plain YAML \(DUPLICATE_KEY\)/,
    ],
    ['an alias', hook.replace('name: ops', 'name: &a ops'), /line 2: an anchor, an alias or a tag/],
    ['a tag', hook.replace('name: ops', 'name: !!js/function ops'), /line 2/],
    [
      'a mail address that is two',
      hook.replace(
        / {4}type[^]*/,
        '    type: email\n    server: smtp://localhost\n    from: "a@b.example, c@d.example"\n',
      ),
      /line 5: `from`/,
    ],
    [
      'a server that is no mail server',
      hook.replace(
        / {4}type[^]*/,
        '    type: email\n    server: https://localhost\n    from: a@b.example\n',
      ),
      /line 4: `server`/,
    ],
    [
      'a channel by its name',
      hook.replace(
        / {4}type[^]*/,
        '    type: slack\n    token: slack.token\n    channel: "#team"\n',
      ),
      /line 5: `channel`/,
    ],
    ['a deep indentation', `channels:\n${' '.repeat(60)}- name: x\n`, /indented more than 40/],
    [
      'more than a file of channels is',
      `${hook}#${'x'.repeat(70_000)}\n`,
      /larger than 65536 bytes/,
    ],
  ])('with %s refuses the start, and names the line', async (_, yaml, says) => {
    expect(await problemOf(yaml)).toMatch(says)
  })

  test('with a secret that is none refuses, and does not show it', async () => {
    const short = 'whsec_dG9vIHNob3J0'
    const says = await problemOf(hook, { 'ops.secret': short })
    expect(says).toMatch(/ops\.secret` does not hold what it is named for/)
    expect(says).not.toContain(short)
    expect(await problemOf(hook.replace('ops.secret', 'none.secret'))).toMatch(/There is no file/)
    expect(await problemOf(hook.replace('ops.secret', '.'))).toMatch(/There is no file/)
  })

  test('that others may read, or with a secret that others may read, refuses', async () => {
    const file = await write(hook)
    await chmod(file, 0o640)
    expect(refusal(file)).toMatch(/Others on this machine may read .*notify\.yaml/)
    await chmod(file, 0o600)
    expect(refusal(file)).toBe('no problem')
    const secret = join(dirname(file), 'ops.secret')
    await chmod(secret, 0o604)
    expect(refusal(file)).toMatch(/Others on this machine may read .*ops\.secret/)
    // A link is as open as what it leads to.
    await symlink(secret, join(dirname(file), 'linked'))
    expect(refusal(await write(hook.replace('ops.secret', secret)))).toMatch(/Others on this/)
  })

  test('that is not there refuses', () => {
    expect(refusal('/nowhere/notify.yaml')).toMatch(/There is no file `\/nowhere\/notify\.yaml`/)
  })
})
