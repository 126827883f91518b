/** What the bot answers to what somebody wrote to it: the place to begin. Pure. Undefined: it says nothing. */
export function replyTo(text: string, purpose: string): string | undefined {
  const asked = text.replace(/<@\w+>/g, '').trim()
  if (asked === '' || /^help\b/i.test(asked)) return `I am here for: ${purpose}`
  return `You asked: ${asked}`
}
