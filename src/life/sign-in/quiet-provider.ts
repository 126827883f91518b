/**
 * `oidc-provider`, loaded without its one warning: on being imported it prints that it does not know
 * a Node that is not yet a long-term release. Our tests are what says that it works.
 */
/* oxlint-disable no-console */
const { warn } = console
console.warn = () => {}
export const { Provider, errors } = await import('oidc-provider')
console.warn = warn
