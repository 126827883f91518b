/** An end certificate as the server makes it, by the server's own functions, with keys of a test. */
import { randomBytes } from 'node:crypto'
import { sha256Hex } from '../../src/core/base/hash.ts'
import { canonicalJson } from '../../src/core/base/json.ts'
import type { Instant } from '../../src/core/base/time.ts'
import { signWith, thumbprint } from '../../src/core/keys/pair.ts'
import { commit, leafText } from '../../src/core/ledger/leaf.ts'
import type { CertificateFile } from '../../src/doors/api/proof-views.ts'
import { inclusionPath } from '../../src/life/audit/paths.ts'
import { writeTlogProof } from '../../src/life/audit/proof.ts'
import { sealStatement } from '../../src/life/offboard/statement.ts'
import { logOf, type TestKeys, tableOf } from './signed-log.ts'

export const endedAt = '2026-11-22T14:02:11.000Z' as Instant

/** What is said otherwise than in the good one; all of it is signed and logged as it is said. */
export interface Change {
  predicate?: Record<string, unknown>
  subjectHash?: string
  statement?: Record<string, unknown>
  keyState?: string
  itemStates?: readonly string[]
  mode?: string
}

/** The file, as text. */
export function testCertificate(keys: TestKeys, change: Change = {}): string {
  return `${JSON.stringify(testCertificateFile(keys, change), null, 2)}\n`
}

export function testCertificateFile(keys: TestKeys, change: Change = {}): CertificateFile {
  const items = [
    item(1, 'lease', 'lh_deal_desk_7k2q', 'crm', change.itemStates?.[0]),
    item(2, 'grant', 'lhg_1', 'crm'),
    item(3, 'identity', 'spiffe://acme/app/deal-desk/run', 'Leasehold'),
  ]
  const named = items.map(({ order, kind, id }) => ({ order, kind, id }))
  const plan = canonicalJson({ v: 1, items: named })
  const sha256 = change.subjectHash ?? sha256Hex(plan)
  const systems = [{ name: 'crm', looked: true, paths: ['list of roles'], because: null }]
  const statement = canonicalJson({
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: 'acme/app/deal-desk/plan', digest: { sha256 } }],
    predicateType: 'https://leasehold.dev/end-certificate/v1',
    predicate: {
      state: 'verified-gone',
      app: { id: 'ap_1', slug: 'deal-desk', owner: 'Maya Ortiz', backup: 'Tom Reyes' },
      installation: {
        id: 'i',
        name: 'Leasehold demo',
        trustDomain: 'acme',
        mode: change.mode ?? 'team',
      },
      endedBy: 'Maya Ortiz',
      endedAt,
      at: endedAt,
      rechecks: 0,
      plan,
      items,
      scope: { at: endedAt, systems },
      ...change.predicate,
    },
    ...change.statement,
  })
  const kid = thumbprint(keys.certificate.publicJwk)
  const sign = (bytes: Uint8Array) => signWith(keys.certificate, bytes)
  const { payloadType, payload, signatures } = sealStatement(statement, { kid, sign })
  const sealed = { payloadType, payload, signatures: [...signatures] }
  const logged = enter(keys, sha256Hex(statement))
  return { schema: 'leasehold/v1', ...sealed, ...logged, keys: tableOf(keys, change.keyState) }
}

function enter(keys: TestKeys, certificateHash: string) {
  const factsSalt = randomBytes(32).toString('base64url')
  const facts = canonicalJson({ certificateHash, offboarding: { id: 'of_1', version: 3 } })
  const committed = commit(factsSalt, facts)
  const body = { kind: 'offboard.certify', at: endedAt, actor: 'sy_offboard', subjects: [] }
  const leaf = leafText({ ...body, facts: committed })
  const log = logOf(keys, ['a', 'b', 'c', leaf, 'd'])
  const proof = { position: 3, path: inclusionPath(3, 5, log.hashOf), note: log.note(5) }
  return { entry: { leaf, facts, factsSalt }, tlogProof: writeTlogProof(proof) }
}

function item(
  ...[order, kind, name, system, state = 'verified-gone']: [number, string, string, string, string?]
) {
  const paths = ['list of roles', 'the key itself']
  return {
    order,
    kind,
    id: `${kind}_${order}`,
    name,
    system,
    state,
    paths,
    because: null,
    at: endedAt,
  }
}
