/** The pages one can go to from anywhere. */

/** `key`: after `g`. */
export const places = [
  { to: '/', name: 'Home', key: 'h' },
  { to: '/apps', name: 'Apps', key: 'a' },
  { to: '/requests', name: 'Requests', key: 'r' },
  { to: '/leases', name: 'Leases', key: 'l' },
  { to: '/days', name: 'Days', key: 'y' },
  { to: '/log', name: 'Log', key: 'o' },
  { to: '/ends', name: 'Ends', key: 'e' },
  { to: '/found', name: 'Found', key: 'f' },
  { to: '/holds', name: 'Holds', key: 'd' },
  { to: '/policy', name: 'Policy', key: 'p' },
  { to: '/connect', name: 'Connect', key: 'c' },
] as const
