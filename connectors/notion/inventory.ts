/** What is there, as far as Notion shows it: bots, and personal access tokens by the Admin API. */
import { isProblem } from '../../src/core/base/problem.ts'
import type { Found } from '../../src/core/target/target.ts'
import { type List, partOf, textOf, thing } from '../rest/lists.ts'
import { isLiving, type Notion, type Page, personalTokens, type Row, users } from './api.ts'

/** Whatever the plan is. */
export const never = [
  {
    what: 'internal connections and their secrets, beyond the bots that were added',
    needs: 'a workspace owner who looks: Settings → Connections',
  },
  {
    what: 'pages and databases that a connection was given',
    needs: 'a workspace owner who looks: the page itself, ••• → Connections',
  },
]

export function openLists(notion: Notion) {
  return {
    bots: listOf(notion, {
      what: 'bots',
      needs: 'the capability to read user information',
      isOpen: true,
      read: users,
      foundIn: rows => rows.filter(row => row['type'] === 'bot').map(botOf),
    }),
    tokens: listOf(notion, {
      what: 'personal access tokens',
      needs: 'Enterprise, and `admin` with `personal-access-token:read`',
      isOpen: notion.config.admin !== undefined,
      read: personalTokens,
      foundIn: rows => rows.filter(isLiving).map(tokenOf),
    }),
  }
}

interface Kind extends Omit<List, 'page'> {
  readonly read: (notion: Notion, at: string, signal: AbortSignal) => Promise<Page>
  readonly foundIn: (rows: readonly Row[]) => Found[]
}

function listOf(notion: Notion, { read, foundIn, ...about }: Kind): List {
  return {
    ...about,
    async page(at, signal) {
      try {
        const { rows, next } = await read(notion, at, signal)
        return { found: foundIn(rows), next }
      } catch (thrown) {
        if (!isProblem(thrown, 'target-refused')) throw thrown
        return { found: [], next: '', lacks: about }
      }
    },
  }
}

function botOf(row: Row): Found {
  const bot = partOf(row, 'bot')
  const owner = partOf(bot, 'owner')
  const details = { owner: owner['type'] ?? null, workspace: bot['workspace_name'] ?? null }
  const found = {
    id: `bot ${row.id}`,
    kind: 'account',
    name: textOf(row['name']),
    details,
  } as const
  return thing(found, textOf(partOf(owner, 'user')['id']))
}

/** Of its dates and its owner Notion's description is not at hand. */
function tokenOf(row: Row): Found {
  const details = { status: row['status'] ?? null }
  return thing({ id: `token ${row.id}`, kind: 'token', name: textOf(row['name']), details }, '')
}
