// What the bot answers, and that nobody is called by it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { replyTo } from '../src/reply.ts'
import { plain } from '../src/slack.ts'

test('whoever asks for help is told what the bot is for', () => {
  assert.equal(replyTo('<@U0BOT> help', 'stuck deals'), 'I am here for: stuck deals')
  assert.equal(replyTo('<@U0BOT>', 'stuck deals'), 'I am here for: stuck deals')
})

test('what was asked is answered without the name it was asked by', () => {
  assert.equal(replyTo('<@U0BOT> what is new?', 'x'), 'You asked: what is new?')
})

test('an answer calls no channel and makes no link, whatever was written', () => {
  assert.equal(
    plain('<!channel> <https://evil.example|here> &'),
    '&lt;!channel&gt; &lt;https://evil.example|here&gt; &amp;',
  )
  assert.equal(plain('a'.repeat(5000)).length, 3000)
})
