/**
 * A message as Slack's Block Kit. Pure. ATTACKER: `<!channel>`, `<https://…|our name>` and the like in a name. The three
 * signs that begin them are escaped, and nothing in a text becomes a link by itself (`verbatim`).
 */
import { product } from '../../src/core/base/product.ts'
import type { Message } from '../common/channel.ts'

/** docs.slack.dev/reference/block-kit/blocks/section-block: 3000 with what stands for a sign, and our link. */
const mostChars = 520

export function blocksOf({ text, title, step, link, at }: Message) {
  const mrkdwn = (words: string) => ({ type: 'mrkdwn', text: words, verbatim: true }) as const
  const when = `${at.slice(0, 16).replace('T', ' ')} UTC`
  return {
    text: escaped(title),
    blocks: [
      { type: 'section', text: mrkdwn(`${escaped(text)}\n*<${escaped(link)}|${escaped(step)}>*`) },
      {
        type: 'context',
        elements: [mrkdwn(`${product.name} · ${when} · answered on its page alone`)],
      },
    ],
  }
}

/** docs.slack.dev/messaging/formatting-message-text: these three begin all that does more than form a text. */
function escaped(text: string): string {
  const form = text.slice(0, mostChars)
  return form.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
