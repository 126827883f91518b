/** What has to be read anew after an entry of the log: the paths that begin so, by the first word of its kind. */

const ofWork = ['/v1/apps/', '/v1/leases', '/v1/residual', '/v1/findings', '/v1/trace/', '/v1/log']

/** What comes often. Whatever is not here is rare, and everything is read anew. */
const often: Readonly<Record<string, readonly string[]>> = {
  lease: ofWork,
  session: ofWork,
  task: ofWork,
  token: ofWork,
  budget: ofWork,
  decision: ['/v1/apps/', '/v1/decisions', '/v1/findings', '/v1/log'],
  thing: ['/v1/apps/', '/v1/found', '/v1/findings', '/v1/log'],
  refusal: ['/v1/log'],
}

export type Changed = ReadonlySet<string> | 'all'

export function changedBy(kinds: Iterable<string>): Changed {
  const paths = new Set<string>()
  for (const kind of kinds) {
    const word = kind.split('.', 1)[0] ?? ''
    const known = Object.hasOwn(often, word) ? often[word] : undefined
    if (known === undefined) return 'all'
    for (const path of known) paths.add(path)
  }
  return paths
}

export function join(one: Changed, other: Changed): Changed {
  return one === 'all' || other === 'all' ? 'all' : new Set([...one, ...other])
}

export function isIn(path: string, changed: Changed): boolean {
  return changed === 'all' || [...changed].some(each => path.startsWith(each))
}
