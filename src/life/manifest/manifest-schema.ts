/** What `leasehold.yaml` may say: the shape we read, and the JSON Schema editors are given of it. */

import { z } from 'zod'
import { limits } from '../../core/base/limits.ts'
import { dataActions } from '../../core/base/permit.ts'
import { product } from '../../core/base/product.ts'
import { bounds } from './bounds.ts'

const like = (form: RegExp, most: number) => z.string().max(most).regex(form)
const slug = like(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/, limits.slugChars)
const hosts = z.array(like(/^[a-z0-9-]+(\.[a-z0-9-]+)+$/, 253)).max(bounds.purposeNeeds)
const words = z.string().min(1).max(limits.textChars)

const need = z.strictObject({
  resource: like(/^[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*)*$/, 100).describe(
    'Name of the data, as `leasehold who` shows it: crm.deals',
  ),
  actions: z.array(z.enum(dataActions)).min(1).max(dataActions.length),
})

export const purposeShape = z.strictObject({
  says: words.describe('What this work is for, for people'),
  needs: z.array(need).max(bounds.purposeNeeds).default([]),
  egress: hosts.default([]).describe('Hosts outside that this work calls'),
})

export const manifestShape = z.strictObject({
  app: slug.describe('The name the app was made with'),
  says: words.optional().describe('For readers of the file; the app’s own record decides'),
  owner: words.optional().describe('For readers of the file; the app’s own record decides'),
  backup: words.optional().describe('For readers of the file; the app’s own record decides'),
  ends: words.optional().describe('For readers of the file; the app’s own record decides'),
  template: words.optional().describe('What its folder was made from: web 1.0.0, and its digest'),
  purposes: z
    .record(slug, purposeShape)
    .describe('Each task is opened with one of these, and gets nothing beyond it'),
})

/** JSON Schema 2020-12, published as docs/leasehold.schema.json. */
export const manifestSchema = {
  $id: `${product.typeBase}/leasehold.schema.json`,
  title: 'leasehold.yaml',
  ...z.toJSONSchema(manifestShape, { io: 'input' }),
}
