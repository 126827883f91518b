/**
 * The nine tools a coding agent has here. INVARIANT: none of them has a credential, so none can tell one; what a person
 * must say yes to is asked for here and never answered. Each answer is short and ends with the one thing to do next.
 */
import { reportSecret, startApp, status, whoami, whyNot } from './app-tools.ts'
import { check, connect, findData, requestAccess } from './data-tools.ts'
import type { Does, Shape, Tool } from './tool.ts'

const text = (description: string, minLength = 1, maxLength = 200) =>
  ({ type: 'string', description, minLength, maxLength }) as const
const oneOf = (...names: string[]) => ({ type: 'string', enum: names }) as const
const many = (description: string, minimum: number, maximum: number) =>
  ({ type: 'integer', description, minimum, maximum }) as const

function tool(name: string, description: string, properties: Shape, does: Does): Tool {
  const required = Object.keys(properties).filter(each => !each.endsWith('?'))
  const named = Object.fromEntries(
    Object.entries(properties).map(([each, shape]) => [each.replace('?', ''), shape]),
  )
  const inputSchema = {
    type: 'object',
    properties: named,
    required,
    additionalProperties: false,
  } as const
  const readOnlyHint = !/start_app|request_access|report_secret/.test(name)
  const destructiveHint = name === 'report_secret'
  const idempotentHint = name !== 'request_access'
  const annotations = { readOnlyHint, destructiveHint, idempotentHint, openWorldHint: false }
  return { name: `leasehold_${name}`, description, inputSchema, annotations, does }
}

const resource = text('Name of the data, as leasehold_find_data tells it: crm.deals')

export const tools: readonly Tool[] = [
  tool(
    'whoami',
    'Who you work for, which app this folder is, what it may have now, and the rules. Call it first.',
    {},
    whoami,
  ),
  tool(
    'start_app',
    'Makes an app from a sentence: registered, a folder that runs, its data asked for. Again with the same sentence goes on.',
    {
      purpose: text('What it should do, in the words of the user', 10, 300),
      'data?': {
        type: 'array',
        items: resource,
        maxItems: 1,
        description: 'Guessed from the sentence when left out',
      },
      'days?': many('Until it ends', 1, 30),
      'template?': oneOf('web', 'job', 'api', 'slack-bot', 'agent', 'notebook'),
      'backup?': text('Who answers for it when the user is away: name or e-mail. Ask the user.'),
    },
    startApp,
  ),
  tool(
    'find_data',
    'Finds data by words: its columns, its class, and what an app may have of it.',
    { query: text('Words of what is needed'), 'limit?': many('At most', 1, 10) },
    findData,
  ),
  tool(
    'check',
    'Says before you write code whether something may be done: allowed, to be asked for, or never. Asks nobody.',
    { action: oneOf('read', 'write', 'post', 'call', 'deploy'), resource },
    check,
  ),
  tool(
    'request_access',
    'Asks the owner of the data. Once; a person answers. Until then go on with synthetic data.',
    {
      resource,
      action: oneOf('read', 'write'),
      'for?': text('How long: 2h, 3d; until the app ends when left out', 2, 5),
      because: text('Why, for who answers', 10, 200),
    },
    requestAccess,
  ),
  tool(
    'connect',
    'The code that reads data, and the command that runs it. No password exists to paste.',
    { resource, 'language?': oneOf('ts', 'py', 'sql') },
    connect,
  ),
  tool(
    'why',
    'Why something was refused: the rule, the facts, what is allowed instead.',
    { 'id?': text('D-…; the last one when left out') },
    whyNot,
  ),
  tool(
    'status',
    'How the app is: its end, what waits, what it may do.',
    { 'response_format?': oneOf('concise', 'detailed') },
    status,
  ),
  tool(
    'report_secret',
    'When a credential was pasted or found: ends what the app holds now and says what a person must revoke. Never send the value.',
    {
      where: text('Where it was seen: a file, a message'),
      'fingerprint?': text('SHA-256 of it, in hex', 8, 64),
    },
    reportSecret,
  ),
]
