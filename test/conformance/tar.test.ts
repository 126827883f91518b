import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { runCedar } from './cedar.ts'
import { readTarGz } from './tar.ts'

interface Member {
  name: string
  body?: string
  kind?: string
  prefix?: string
  magic?: string
}

function header({ name, body = '', kind = '0', prefix = '', magic = 'ustar\0' }: Member): Buffer {
  const block = Buffer.alloc(512)
  block.write(name, 0)
  block.write(Buffer.byteLength(body).toString(8).padStart(11, '0'), 124)
  block.write(kind, 156)
  block.write(`${magic}00`, 257)
  block.write(prefix, 345)
  block.fill(' ', 148, 156)
  const sum = block.reduce((all, byte) => all + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

function pack(members: readonly Member[], end = Buffer.alloc(1024)): Buffer {
  const blocks = members.flatMap(member => {
    const body = Buffer.from(member.body ?? '')
    return [header(member), body, Buffer.alloc((512 - (body.length % 512)) % 512)]
  })
  return gzipSync(Buffer.concat([...blocks, end]))
}

describe('a packed archive', () => {
  it('gives its files by name, of any length', () => {
    const files = readTarGz(
      pack([
        { name: 'folder/', kind: '5' },
        { name: 'folder/a.json', body: '{}' },
        { name: 'b', body: 'é'.repeat(600), prefix: 'deep/er' },
        { name: 'empty' },
      ]),
    )
    expect([...files].map(([name, body]) => [name, body.toString('utf8')])).toEqual([
      ['folder/a.json', '{}'],
      ['deep/er/b', 'é'.repeat(600)],
      ['empty', ''],
    ])
  })

  it.each<[string, Buffer, string]>([
    ['is no gzip', Buffer.from('ustar'), 'header'],
    ['has no end', pack([{ name: 'a' }], Buffer.alloc(0)), 'no end'],
    ['holds a link', pack([{ name: 'a', kind: '2' }]), 'neither'],
    ['has names of another kind', pack([{ name: 'a', kind: 'L' }]), 'neither'],
    ['is another format', pack([{ name: 'a', magic: 'other\0' }]), 'not ustar'],
    ['ends within a file', gzipSync(header({ name: 'a', body: 'x'.repeat(600) })), 'within a'],
  ])('that %s is refused', (_, packed, why) => {
    expect(() => readTarGz(packed)).toThrow(why)
  })

  it('whose header was changed is refused', () => {
    const changed = header({ name: 'a' })
    changed.write('b', 0)
    expect(() => readTarGz(gzipSync(Buffer.concat([changed, Buffer.alloc(1024)])))).toThrow(
      'damaged',
    )
  })
})

describe('a corpus', () => {
  const schema = `entity A; action "go" appliesTo
    { principal: A, resource: A, context: { n: Long } };`
  const policies = `permit (principal, action, resource) when { context.n == 9007199254740993 };
    forbid (principal, action, resource) when { context.n + 9223372036854775807 > 0 };`
  const corpus = (decision: string, n = '9007199254740993'): Member[] => [
    { name: 'x.cedarschema', body: schema },
    { name: 'x.cedar', body: policies },
    { name: 'x.entities.json', body: '[]' },
    {
      name: 'x.json',
      body: `{ "schema": "x.cedarschema", "policies": "x.cedar", "entities": "x.entities.json",
        "requests": [{ "description": "one", "principal": { "type": "A", "id": "a" },
          "action": { "type": "Action", "id": "go" }, "resource": { "type": "A", "id": "a" },
          "context": { "n": ${n} }, "decision": "${decision}",
          "reason": ["policy0"], "errors": ["policy1"] }] }`,
    },
  ]

  async function judged(members: readonly Member[]) {
    const { mkdtemp, rm, writeFile } = await import('node:fs/promises')
    const { tmpdir } = await import('node:os')
    const folder = await mkdtemp(`${tmpdir()}/leasehold-corpus-`)
    try {
      await writeFile(`${folder}/c.tar.gz`, pack(members))
      const args = ['--corpus', `${folder}/c.tar.gz`, '--sets', '0', '--seed', '1']
      return { ...runCedar(args, () => undefined) }
    } finally {
      await rm(folder, { recursive: true })
    }
  }

  it('that is right passes, whole numbers as they were written', async () => {
    expect(await judged(corpus('allow'))).toMatchObject({ passed: 1, failed: 0 })
  })

  it('that expects something else fails', async () => {
    expect(await judged(corpus('deny'))).toMatchObject({ passed: 0, failed: 1 })
    expect(await judged(corpus('allow', '9007199254740992'))).toMatchObject({ failed: 1 })
  })

  it('whose policies can not be read fails, one for each question', async () => {
    const broken = corpus('allow').map(each =>
      each.name === 'x.cedar' ? { ...each, body: 'permit (' } : each,
    )
    expect(await judged(broken)).toMatchObject({ passed: 0, failed: 1 })
  })

  it('is not needed: sets made at random are compared all the same', { timeout: 120_000 }, () => {
    const told: string[] = []
    const tally = runCedar(['--sets', '100', '--seed', '7'], text => told.push(text))
    expect(tally).toMatchObject({ passed: 100, failed: 0 })
    expect(told.join('\n')).toContain('seed 7')
  })
})
