/**
 * Keys that CI keeps, and the lines that make each needless: what a person puts in place of them. Data;
 * what is not known here has no lines, and the report says so.
 */
export interface Recipe {
  /** For people: what is kept. */
  readonly what: string
  /** In place of what is there now. */
  readonly lines: readonly string[]
  /** Once, at the other side. */
  readonly once: string
  /** A cloud's own key: worse than one for one service. */
  readonly isCloud: boolean
}

const permission = 'permissions: { contents: read, id-token: write }'

export const recipes: Readonly<Record<string, Recipe>> = {
  aws: {
    what: 'AWS access keys',
    lines: [
      permission,
      'with: { role-to-assume: arn:aws:iam::ACCOUNT:role/ROLE, aws-region: REGION }',
    ],
    once: 'In AWS: an identity provider for token.actions.githubusercontent.com, and a role that trusts this repository. Then delete the access key.',
    isCloud: true,
  },
  google: {
    what: 'Google service account keys',
    lines: [
      permission,
      'with: { workload_identity_provider: projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER, service_account: NAME@PROJECT.iam.gserviceaccount.com }',
    ],
    once: 'In Google Cloud: a workload identity pool with a provider for GitHub. Then delete the key of the service account.',
    isCloud: true,
  },
  azure: {
    what: 'Azure client secrets',
    lines: [
      permission,
      'with: { client-id: CLIENT, tenant-id: TENANT, subscription-id: SUBSCRIPTION }',
    ],
    once: 'In Entra: a federated credential of the app for this repository. Then delete its client secret.',
    isCloud: true,
  },
  azureTerraform: {
    what: 'Azure client secrets of Terraform',
    lines: [permission, "env: { ARM_USE_OIDC: 'true' }"],
    once: 'In Entra: a federated credential of the app for this repository. Then delete its client secret.',
    isCloud: true,
  },
  vault: {
    what: 'Vault tokens',
    lines: [permission, 'with: { method: jwt, role: ROLE }'],
    once: 'In Vault: a JWT role that is bound to this repository. Then revoke the token.',
    isCloud: true,
  },
  npm: {
    what: 'Tokens that publish to npm',
    lines: [permission, 'run: npm publish   # npm 11.5.1 or later, without NODE_AUTH_TOKEN'],
    once: 'At npmjs.com: this workflow as trusted publisher of the package. Then revoke the token.',
    isCloud: false,
  },
  pypi: {
    what: 'Tokens that publish to PyPI',
    lines: [permission, 'uses: pypa/gh-action-pypi-publish@release/v1   # without `password`'],
    once: 'At pypi.org: this workflow as trusted publisher of the project. Then delete the token.',
    isCloud: false,
  },
  ghcr: {
    what: "Tokens for GitHub's own registry",
    lines: [
      'permissions: { contents: read, packages: write }',
      'with: { registry: ghcr.io, username: ${{ github.actor }}, password: ${{ secrets.GITHUB_TOKEN }} }',
    ],
    once: 'Let the repository write to the package. Then revoke the token.',
    isCloud: false,
  },
  other: {
    what: 'Other stored secrets',
    lines: [],
    once: 'No way without a stored secret is known here. Give it an owner and an end, or lease it for the task.',
    isCloud: false,
  },
}
