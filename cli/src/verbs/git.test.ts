import { rm } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { helpLines } from '../program.ts'
import { newHome, run } from '../test/host.ts'
import { gitSettings } from './git.ts'

const env = { CODE_URL: 'http://127.0.0.1:4711/acme', CODE_TOKEN: 'the-word' }

async function answered(operation: string, input: string, more = {}): Promise<string> {
  const home = newHome()
  const world = { home, server: 'http://127.0.0.1:9', input, env: { ...env, ...more } }
  const { out, code, err } = await run(world, 'git-credential', 'CODE', operation)
  await rm(home, { recursive: true })
  expect({ code, err }).toEqual({ code: 0, err: '' })
  return out
}

describe('the helper that git asks', () => {
  test('says the word for our door, as git reads it', async () => {
    const asked = 'protocol=http\nhost=127.0.0.1:4711\nwwwauth[]=Basic realm="Leasehold"\n\n'
    expect(await answered('get', asked)).toBe('username=leasehold\npassword=the-word\n')
  })

  test.each([
    ['for another host', 'get', 'protocol=http\nhost=127.0.0.1:4712\n'],
    ['for another protocol', 'get', 'protocol=https\nhost=127.0.0.1:4711\n'],
    ['for a host that only begins so', 'get', 'protocol=http\nhost=127.0.0.1:4711.evil\n'],
    ['for what is only named so', 'get', 'protocol=http\npath=host=127.0.0.1:4711\n'],
    ['for nothing', 'get', ''],
    ['to store', 'store', 'protocol=http\nhost=127.0.0.1:4711\npassword=x\n'],
    ['to erase', 'erase', 'protocol=http\nhost=127.0.0.1:4711\n'],
  ])('says nothing %s', async (_, operation, input) => {
    expect(await answered(operation, input)).toBe('')
  })

  test('says nothing outside a run', async () => {
    const asked = 'protocol=http\nhost=127.0.0.1:4711\n'
    expect(await answered('get', asked, { CODE_URL: '', CODE_TOKEN: '' })).toBe('')
  })

  test('is no word for people', () => {
    expect(helpLines('all').join('\n')).not.toContain('git-credential')
  })
})

test('the settings of a run stand after those that are there', () => {
  const given = gitSettings({ ...env, GIT_CONFIG_COUNT: '2' }, 'CODE', 'https://github.com/acme/')
  expect(given).toMatchObject({
    GIT_CONFIG_COUNT: '6',
    GIT_CONFIG_KEY_2: 'url.http://127.0.0.1:4711/acme/.insteadOf',
    GIT_CONFIG_VALUE_2: 'https://github.com/acme/',
    GIT_CONFIG_KEY_4: 'credential.http://127.0.0.1:4711.helper',
    GIT_CONFIG_VALUE_4: '',
  })
  expect(given['GIT_CONFIG_VALUE_5']).toMatch(/^!'.*' '.*main\.ts' git-credential CODE$/)
  expect(JSON.stringify(given)).not.toContain('the-word')
})
