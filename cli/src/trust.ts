/** The root key: seen once, pinned, and from then on the only one whose key table is believed. */
import type { KeyTableView } from '../../src/doors/api/contract.ts'
import { failed, problem } from './problem.ts'
import { Fault, type KeyTable, openKeyTable } from './proof/keys.ts'
import { changeProfile, readProfile, type Server } from './server.ts'
import { fetchJson } from './session.ts'

/** Trust on first use; `told` replaces what was known by what a person was told. */
export async function pinRoot(server: Server, told?: string): Promise<KeyTable> {
  const view = (await fetchJson(server, '/v1/keys')) as KeyTableView
  const { rootFingerprint: known, tableSerial: seen = 0 } = readProfile(server)
  const table = openTable(view, told ?? known ?? view.rootFingerprint, server.url.host)
  const { rootFingerprint, serial: tableSerial } = table
  const isOther = known !== undefined && known !== rootFingerprint
  const what = `The server shows key table ${tableSerial}, and showed ${seen} before.`
  if (!isOther && seen > tableSerial) throw failed(what, 'Ask whoever runs it: was it put back?')
  await changeProfile(server, now => {
    // Another root is another installation: nothing remembered of the old one is about it.
    const kept = isOther ? { url: now.url } : now
    return { ...kept, rootFingerprint, tableSerial }
  })
  return table
}

function openTable(view: KeyTableView, root: string, host: string): KeyTable {
  try {
    return openKeyTable(view, print => print === root)
  } catch (error) {
    if (error instanceof Fault) throw problem('LH-KEY-14', { host, how: error.says })
    throw error
  }
}
