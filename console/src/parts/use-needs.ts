/** The lists that `listNeeds` is made of, read beside each other. */
import type * as api from '../api.ts'
import { listNeeds, type Need } from '../needs.ts'
import { type List, useAround, useMe } from '../use.ts'

/** `needs` is undefined until all of it was read: a list that lacks a part would look like less. */
export function useNeeds() {
  const me = useMe()
  const apps = useAround<List<api.AppView>>('/v1/apps?mine=true')
  const requests = useAround<List<api.RequestView>>('/v1/requests?state=open')
  const findings = useAround<List<api.FindingView>>('/v1/findings')
  const residual = useAround<List<api.ResidualView>>('/v1/residual')
  const targets = useAround<List<api.TargetView>>('/v1/targets')
  const person = me.data?.person
  const lists = [apps, requests, findings, residual, targets] as const
  const error = lists.find(each => each.data === undefined && each.error !== null)?.error ?? null
  let needs: Need[] | undefined
  if (
    person &&
    apps.data &&
    requests.data &&
    findings.data &&
    residual.data !== undefined &&
    targets.data !== undefined
  )
    needs = listNeeds({
      me: person,
      apps: apps.data.items,
      requests: requests.data.items,
      findings: findings.data.items,
      residual: residual.data.items,
      targets: targets.data.items,
    })
  return { needs, error, residual: residual.data?.items }
}
