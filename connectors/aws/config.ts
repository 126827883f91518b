/**
 * What a person writes to connect an account of AWS, and what a resource may name there: parsed once,
 * with bounds. No I/O.
 */
import { z } from 'zod'
import type { Json } from '../../src/core/base/json.ts'
import { product } from '../../src/core/base/product.ts'
import { plain, readShape, secretShape, urlShape } from '../rest/config.ts'
import services from './services.json' with { type: 'json' }

export const page = 'docs/connectors/aws.md'
const most = { arnChars: 300, arns: 10 }
const partition = 'aws|aws-cn|aws-us-gov'

const configShape = z
  .strictObject({
    /** Who we are there: a role that trusts our issuer, or a user whose access key stands below. */
    admin: z
      .string()
      .max(most.arnChars)
      .regex(new RegExp(`^arn:(${partition}):iam::[0-9]{12}:(role|user)/[\\w+=,.@/-]{1,200}$`), {
        error: 'is the ARN of a role, or of a user',
      }),
    accessKeyId: z
      .string()
      .regex(/^[A-Z0-9]{16,128}$/, { error: 'is an access key id' })
      .optional(),
    secretAccessKey: secretShape.optional(),
    region: z.string().regex(/^[a-z]{2}(-[a-z]+)+-[0-9]{1,2}$/, { error: 'is as `eu-central-1`' }),
    /** Below it all we make, and nothing else, may stand. */
    path: z
      .string()
      .regex(/^\/([\w+=,.@-]{1,60}\/){1,4}$/, { error: 'is as `/leasehold/`' })
      .default(`/${product.command}/`),
    boundary: z
      .string()
      .max(most.arnChars)
      .regex(new RegExp(`^arn:(${partition}):iam::([0-9]{12}|aws):policy/[\\w+=,.@/-]{1,200}$`), {
        error: 'is the ARN of a policy',
      })
      .optional(),
    iamUrl: urlShape.optional(),
    stsUrl: urlShape.optional(),
  })
  .refine(one => isRole(one.admin) === (one.accessKeyId === undefined), {
    error: 'has an access key for a user, and none for a role',
  })
  .refine(one => (one.accessKeyId === undefined) === (one.secretAccessKey === undefined), {
    error: 'has both halves of an access key',
  })

type Service = keyof typeof services
const names = Object.keys(services) as Service[]

/** `*` at its end alone, after something. ATTACKER: `${…}` and `?` mean more than they say. */
const arnShape = z
  .string()
  .max(most.arnChars)
  .regex(
    new RegExp(`^arn:(${partition}):[a-z0-9-]+:[a-z0-9-]*:[0-9]{0,12}:[\\w.][\\w.:/=+@,-]*\\*?$`),
    { error: 'is an ARN, with `*` at its end or nowhere' },
  )
const objectShape = z
  .strictObject({
    service: z.enum(names),
    resources: z.array(arnShape).min(1).max(most.arns),
  })
  .refine(({ service, resources }) => resources.every(arn => arn.split(':')[2] === service), {
    error: 'names resources of its own service',
  })
  .refine(({ resources }) => !resources.some(isWide), {
    error: 'names what is meant, and not everything',
  })

export type AwsConfig = z.infer<typeof configShape>
export type AwsObject = z.infer<typeof objectShape>

export function parseConfig(input: Json): AwsConfig & Json {
  return plain(readShape(configShape, input, { name: 'connect', page }))
}

export function parseObject(input: Json): AwsObject & Json {
  return plain(readShape(objectShape, input, { name: 'object', page }))
}

/** Of `arn:aws:iam::123456789012:role/x`. */
export function accountOf(config: AwsConfig) {
  const [, part = '', , , account = ''] = config.admin.split(':')
  return { partition: part, account }
}

/** Of each partition: where its IAM is, and the region its requests are signed for. */
export const homes: Readonly<Record<string, readonly [host: string, region: string]>> = {
  aws: ['iam.amazonaws.com', 'us-east-1'],
  'aws-cn': ['iam.cn-north-1.amazonaws.com.cn', 'cn-north-1'],
  'aws-us-gov': ['iam.us-gov.amazonaws.com', 'us-gov-west-1'],
}

/** INVARIANT: our credential goes to these, whatever the environment of this process says of others. */
export function addressesOf(config: AwsConfig) {
  const { partition } = accountOf(config)
  const [host = '', home = ''] = homes[partition] ?? []
  const suffix = partition === 'aws-cn' ? 'amazonaws.com.cn' : 'amazonaws.com'
  const { region, iamUrl = `https://${host}`, stsUrl = `https://sts.${region}.${suffix}` } = config
  return { iam: { url: iamUrl, region: home }, sts: { url: stsUrl, region }, suffix }
}

export function isRole(arn: string): boolean {
  return arn.split(':')[5]?.startsWith('role/') === true
}

/** Of a bucket that nobody named, or of nearly all there is of a kind. */
function isWide(arn: string): boolean {
  const rest = arn.split(':').slice(5).join(':')
  const name = rest.replace(/^(table|function|secret|parameter)[:/]/, '')
  const isInBucket = name.includes('/') || !arn.includes(':s3:')
  return name.endsWith('*') && (name.length < 4 || !isInBucket)
}
