/**
 * Credentials in a text, by the forms their makers gave them, and by a name beside a value that reads like chance. Pure.
 * What is found is said by its kind: never the value, not even a part of it.
 */

// Each repetition has a bound: a text written to be slow to look at must not outlast the hook that looks.
const forms: readonly (readonly [kind: string, form: RegExp])[] = [
  ['a key of AWS', /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/],
  ['a token of GitHub', /\bgh[opsur]_[A-Za-z0-9]{30}|\bgithub_pat_\w{30}/],
  ['a token of GitLab', /\bglpat-[\w-]{20}/],
  ['a token of Slack', /\bxox[abeoprs]-[\w-]{10}|\bxapp-[\w-]{20}/],
  ['a key of Anthropic', /\bsk-ant-[\w-]{20}/],
  ['a key of OpenAI', /\bsk-(?:proj-)?[A-Za-z0-9_-]{32}/],
  ['a key of Stripe', /\b[rs]k_(?:live|test)_[A-Za-z0-9]{16}/],
  ['a key of Google', /\bAIza[\w-]{35}|\bya29\.[\w-]{20}/],
  ['a token of Notion', /\b(?:ntn|secret)_[A-Za-z0-9]{40}/],
  ['a token of npm', /\bnpm_[A-Za-z0-9]{36}\b/],
  ['a private key', /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----/],
  ['a signed token', /\beyJ[\w-]{10,900}\.eyJ[\w-]{10,4000}\.[\w-]{16}/],
]

/** `postgres://user:word@host`: not to this machine, where our door is, and not with a variable or example in it. */
const address =
  /\b[a-z][a-z0-9+]{1,20}:\/\/[^\s:/@'"`]{0,100}:([^\s/@'"`]{3,300})@([^\s/:'"`]{1,300})/gi
const named =
  /(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|client[_-]?secret)\w{0,20}["']?\s*[:=]\s*["']?([^\s"'`,;]{16,200})/gi
/** Written in place of one. */
const standIn =
  /^[$<{%]|\$\{|process\.env|example|changeme|placeholder|your[_-]|xxxx|\.\.\.|…|\(|\[/i
const mostChars = 4 * 1024 * 1024

/** The kinds that are there; none where there is none. Throws where it is too long to be looked at. */
export function credentialsIn(text: string): string[] {
  if (text.length > mostChars) throw new Error('too long to be looked at')
  const found = forms.filter(([, form]) => form.test(text)).map(([kind]) => kind)
  for (const [, word = '', host = ''] of text.matchAll(address))
    if (!standIn.test(word) && !/^(127\.0\.0\.1|localhost|\[)/.test(host))
      found.push('a password in an address')
  for (const [, value = ''] of text.matchAll(named))
    if (!standIn.test(value) && isChance(value)) found.push('a value beside the name of a secret')
  return [...new Set(found)]
}

/** More than three bits a character, of more than one kind of them: no word of a language, no name in code. */
function isChance(value: string): boolean {
  const kinds = [/[a-z]/, /[A-Z]/, /\d/].filter(kind => kind.test(value)).length
  if (kinds < 2 || !/\d/.test(value)) return false
  const counts = Map.groupBy(value, letter => letter)
  const shares = [...counts.values()].map(same => same.length / value.length)
  return -shares.reduce((sum, share) => sum + share * Math.log2(share), 0) > 3.2
}
