/**
 * A pretend GitHub that signs CI tokens as GitHub Actions does. Keys, signatures and documents come
 * from `oauth2-mock-server`; what is ours is the shape of the claims and the ways to misbehave.
 */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { OAuth2Issuer, OAuth2Service } from 'oauth2-mock-server'

export interface GithubIssuer {
  /** Its `iss`, which is also the origin it answers at. */
  readonly issuer: string
  /** A token of a run, with these claims over those of `githubClaims`; undefined takes one away. */
  issue(claims: Record<string, unknown>, options?: { kid?: string }): Promise<string>
  /** Makes a new key, signs with it from now on and publishes it beside the old ones. */
  rotate(kid?: string): Promise<string>
  /** Publishes this key no more. It can still sign: the thief has a copy. */
  removeKey(kid: string): void
  /** `down` cuts every call, `slow` never answers one. */
  behave(how: 'well' | 'down' | 'slow'): void
  /** Calls that reached it, whatever it answered. */
  calls(): number
  stop(): Promise<void>
}

/** What a token of a run on the protected branch says, for an `aud` and a time in seconds. */
export function githubClaims(aud: string, iat: number): Record<string, unknown> {
  return {
    jti: crypto.randomUUID(),
    sub: 'repo:acme@4711/deal-desk@1001:environment:crm',
    aud,
    ref: 'refs/heads/main',
    sha: '9f2c1a7d3b5e8f0a4c6d2e1b7f9a8c3d5e0b4a61',
    repository: 'acme/deal-desk',
    repository_owner: 'acme',
    repository_owner_id: '4711',
    repository_id: '1001',
    repository_visibility: 'private',
    actor: 'maya',
    actor_id: '90210',
    run_id: '7300000041',
    run_number: '41',
    run_attempt: '1',
    check_run_id: '8800000041',
    runner_environment: 'github-hosted',
    head_ref: '',
    base_ref: '',
    event_name: 'push',
    ref_protected: 'true',
    ref_type: 'branch',
    environment: 'crm',
    workflow: 'refresh',
    workflow_ref: 'acme/deal-desk/.github/workflows/refresh.yml@refs/heads/main',
    workflow_sha: '9f2c1a7d3b5e8f0a4c6d2e1b7f9a8c3d5e0b4a61',
    job_workflow_ref: 'acme/deal-desk/.github/workflows/refresh.yml@refs/heads/main',
    job_workflow_sha: '9f2c1a7d3b5e8f0a4c6d2e1b7f9a8c3d5e0b4a61',
    iat,
    nbf: iat - 300,
    exp: iat + 300,
  }
}

/** Starts one on loopback. Without a port the system chooses. */
export async function startGithubIssuer(options: { port?: number } = {}): Promise<GithubIssuer> {
  const signer = new OAuth2Issuer()
  const service = new OAuth2Service(signer)
  const removed = new Set<string>()
  let behaviour: 'well' | 'down' | 'slow' = 'well'
  let calls = 0
  let current = ''

  const server = createServer((request, response) => {
    calls++
    if (behaviour === 'down') request.socket.destroy()
    else if (behaviour === 'well' && request.url === '/jwks') {
      sendJson(response, { keys: signer.keys.toJSON().filter(({ kid }) => !removed.has(kid)) })
    } else if (behaviour === 'well') service.requestHandler(request, response)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(options.port ?? 0, '127.0.0.1', resolve)
  })
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  signer.url = issuer

  const rotate = async (kid: string = crypto.randomUUID()) => {
    await signer.keys.generate('RS256', { kid })
    current = kid
    return kid
  }
  await rotate()

  return {
    issuer,
    rotate,
    issue: (claims, { kid = current } = {}) =>
      signer.buildToken({
        kid,
        scopesOrTransform: (header, payload) => {
          // GitHub names its key a second time, by the thumbprint of its certificate.
          header['x5t'] = kid
          for (const [name, value] of Object.entries(claims)) payload[name] = value
        },
      }),
    removeKey: kid => void removed.add(kid),
    behave: how => {
      behaviour = how
    },
    calls: () => calls,
    async stop() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

function sendJson(response: ServerResponse, body: unknown): void {
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify(body))
}
