/** Service accounts of ours: made, found. The id is made of the name, which stands in `displayName`. */
import { z } from 'zod'
import { type Cloud, readAs, refused, unavailable } from './cloud.ts'
import { accountId } from './names.ts'

export const accountShape = z.object({
  email: z.string().max(200),
  displayName: z.string().default(''),
  description: z.string().default(''),
  disabled: z.boolean().default(false),
})
export type Account = z.infer<typeof accountShape>

/** Undefined where there is none. */
export async function findAccount(
  { config, call, emailOf }: Cloud,
  name: string,
  signal: AbortSignal,
): Promise<Account | undefined> {
  const path = `/v1/projects/${config.project}/serviceAccounts/${emailOf(name)}`
  const answer = await call('iam', { method: 'GET', path, takes: [404] }, signal)
  return answer.status === 404 ? undefined : readAs(accountShape, answer.body)
}

/** One that is there already stays as it is. */
export async function makeAccount(
  { config, call }: Cloud,
  { name, description }: { name: string; description: string },
  signal: AbortSignal,
): Promise<void> {
  const path = `/v1/projects/${config.project}/serviceAccounts`
  const body = { accountId: accountId(name), serviceAccount: { displayName: name, description } }
  const made = await call('iam', { method: 'POST', path, body, takes: [409, 429] }, signal)
  if (made.status !== 429) return
  // One status for two things; by waiting only the other one gets better.
  if (/maximum number of service accounts/i.test(JSON.stringify(made.body)))
    throw refused(
      `The project \`${config.project}\` may have no more service accounts.`,
      'Ask Google for a higher quota, or look in an inventory for those that nobody needs.',
    )
  throw unavailable('has had too many requests from us')
}
