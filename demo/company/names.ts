/** Names of the pretend company. All invented. */

export type Fate = 'running' | 'waiting' | 'drifting' | 'ended' | 'graduated' | 'orphan'

/** Who has a part in what happens; `sam`, of the platform, is the first person of the server itself. */
export const named = [
  { sub: 'maya', name: 'Maya Ortiz' },
  { sub: 'tom', name: 'Tom Reyes' },
  { sub: 'priya', name: 'Priya Nair' },
  { sub: 'amara', name: 'Amara Diallo' },
  { sub: 'lee', name: 'Lee Novak' },
  { sub: 'ines', name: 'Ines Falk' },
  { sub: 'noor', name: 'Noor Haddad' },
  { sub: 'ruth', name: 'Ruth Mensah' },
] as const

export const departments = [
  'sales',
  'marketing',
  'finance',
  'support',
  'people',
  'legal',
  'logistics',
  'purchasing',
  'product',
  'research',
  'field-service',
  'facilities',
] as const

export const firstNames =
  'Ada Bilal Chen Dora Emil Farah Goran Hana Ivo Jana Kofi Lena Milo Nadia Olu Petra Quinn Rosa Sven Tariq Una Viktor Wanda Yara Zeno'.split(
    ' ',
  )
export const lastNames =
  'Adeyemi Berg Castro Dahl Endo Fischer Gallo Horvat Ibsen Jansen Kaya Lindt Moreau Novotny Okoro Park Quist Rossi Sato Toth Ueda Vogel Weber Xu Yilmaz'.split(
    ' ',
  )

type Department = (typeof departments)[number]
type AppLine = readonly [
  slug: string,
  department: Department,
  resource: string,
  fate: Fate,
  purpose: string,
  owner?: string,
]

/** Three of them leave a successor, which is running: 47 in all. */
export const appList: readonly AppLine[] = [
  ['deal-desk', 'sales', 'crm.deals', 'running', 'board of deals stuck > 14 days', 'maya'],
  ['invoice-bot', 'finance', 'billing.invoices', 'running', 'sends late invoices again', 'priya'],
  ['hr-faq', 'people', 'web.visits', 'running', 'answers questions about leave', 'ruth'],
  ['qbr-writer', 'sales', 'crm.deals', 'running', 'drafts the quarterly reviews', 'amara'],
  ['pipeline-digest', 'sales', 'web.visits', 'running', 'a mail on Monday: what moved', 'lee'],
  ['ticket-board', 'support', 'support.tickets', 'running', 'open tickets by product'],
  ['reply-helper', 'support', 'support.tickets', 'running', 'suggests answers to tickets'],
  ['night-shift', 'support', 'support.tickets', 'running', 'hands tickets to who is awake'],
  ['campaign-wall', 'marketing', 'web.visits', 'running', 'which campaign brings visits'],
  ['landing-check', 'marketing', 'web.visits', 'running', 'finds pages nobody reads'],
  ['word-watch', 'marketing', 'web.visits', 'running', 'words people search for'],
  ['late-payers', 'finance', 'billing.invoices', 'running', 'who pays later than agreed'],
  ['contract-dates', 'legal', 'support.tickets', 'running', 'contracts that end this month'],
  ['clause-finder', 'legal', 'web.visits', 'running', 'finds a clause by what it means'],
  ['truck-board', 'logistics', 'support.tickets', 'running', 'where each delivery is'],
  ['dock-times', 'logistics', 'web.visits', 'running', 'when which dock is free'],
  ['vendor-score', 'purchasing', 'support.tickets', 'running', 'vendors by what went wrong'],
  ['order-split', 'purchasing', 'web.visits', 'running', 'orders that could be one'],
  ['idea-sorter', 'product', 'support.tickets', 'running', 'what people ask for most'],
  ['release-notes', 'product', 'support.tickets', 'running', 'drafts what has changed'],
  ['paper-digest', 'research', 'web.visits', 'running', 'one paragraph for each paper'],
  ['lab-booking', 'research', 'web.visits', 'running', 'who has which machine when'],
  ['route-planner', 'field-service', 'support.tickets', 'running', 'the day of a technician'],
  ['part-finder', 'field-service', 'web.visits', 'running', 'which van has the part'],
  ['room-finder', 'facilities', 'web.visits', 'running', 'free rooms on this floor'],
  [
    'contact-cleaner',
    'sales',
    'crm.contacts',
    'waiting',
    'finds contacts that are in twice',
    'maya',
  ],
  ['forecast', 'finance', 'crm.deals', 'waiting', 'numbers by region for the board'],
  ['renewal-mailer', 'sales', 'crm.deals', 'waiting', 'reminds of what ends next month'],
  ['ticket-tagger', 'support', 'support.tickets', 'waiting', 'sorts what comes in at night'],
  ['visit-map', 'marketing', 'web.visits', 'waiting', 'where readers come from'],
  ['credit-check', 'finance', 'billing.invoices', 'waiting', 'who may pay later'],
  ['churn-radar', 'sales', 'crm.deals', 'drifting', 'tells which accounts may leave', 'amara'],
  ['margin-sheet', 'finance', 'billing.invoices', 'drifting', 'margin by product line'],
  ['win-stories', 'marketing', 'crm.deals', 'drifting', 'drafts a story for each deal won'],
  ['fair-signups', 'marketing', 'web.visits', 'ended', 'who comes to the autumn fair'],
  ['survey-sorter', 'people', 'support.tickets', 'ended', 'sorts answers of the survey'],
  ['desk-move', 'facilities', 'web.visits', 'ended', 'who moves where in October'],
  ['price-diff', 'purchasing', 'web.visits', 'ended', 'compares two price lists'],
  ['quarter-close', 'finance', 'billing.invoices', 'ended', 'what is open at the quarter’s end'],
  ['recall-list', 'logistics', 'support.tickets', 'ended', 'who got the wrong part'],
  ['lead-router', 'sales', 'crm.deals', 'graduated', 'gives each lead to who is free'],
  ['stock-alert', 'logistics', 'web.visits', 'graduated', 'says what runs out next week'],
  ['shift-swap', 'field-service', 'support.tickets', 'graduated', 'finds who can take a shift'],
  ['night-import', 'sales', 'web.visits', 'orphan', 'copies yesterday’s orders in', 'lee'],
]
