/** Holds as a person sets and lifts them, over HTTP, and the clock that processes of a machine share. */
export interface Holder {
  readonly address: string
  /** Of the person whose app it is. */
  readonly token: string
  /** Its slug. */
  readonly app: string
}

export function machineMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

/** Its id, when the server has answered. */
export async function hold(by: Holder): Promise<string> {
  const body = { scope: 'app', about: by.app, reason: 'to be measured' }
  const answer = await ask(by, '/v1/holds', body)
  return ((await answer.json()) as { id: string }).id
}

export async function lift(by: Holder, id: string): Promise<void> {
  await (await ask(by, `/v1/holds/${id}/lift`, {})).text()
}

async function ask({ address, token }: Holder, path: string, body: object): Promise<Response> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const init = { method: 'POST', headers, body: JSON.stringify(body) }
  const answer = await fetch(`${address}${path}`, init)
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
  return answer
}
