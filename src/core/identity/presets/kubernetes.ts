/**
 * Trust in a pod of a Kubernetes cluster, by the projected token of its service account (kubernetes.io,
 * "Managing Service Accounts"). The cluster is the issuer. The kubelet renews the token in its file, and
 * all that reads the file holds it: so it is good for the holder of one key.
 *
 * INVARIANT: a rule binds the service account's uid, which no account made later under its name has.
 * ATTACKER: may make pods in the namespace. Who may do that may be this account; Kubernetes has no
 * narrower name, and the page of the preset says so.
 */
import claims from './claims.json' with { type: 'json' }
import type { MachinePreset } from './machine.ts'

const uid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const name = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/
const own = (path: string) => `kubernetes.io/${path}`

export const kubernetes: MachinePreset = {
  name: 'kubernetes',
  replay: 'bound',
  members: {
    [own('serviceaccount/uid')]: { form: uid, says: 'must be the uid of the service account' },
    [own('namespace')]: { form: name, says: 'must be the name of one namespace' },
    [own('serviceaccount/name')]: { form: name, says: 'must be the name of one service account' },
  },
  needs: [own('serviceaccount/uid'), own('namespace')],
  implied: {},
  anchor: own('serviceaccount/uid'),
  ...claims.kubernetes,
  run: ['run'],
  next: 'Look the uid up with: kubectl get serviceaccount NAME -n NAMESPACE -o jsonpath={.metadata.uid}',
}
