/**
 * Systems whose requests we know: where they are, how they take a key, and what each request does.
 * The first rule that fits counts; what none fits is classed by its method, unknown as the strongest.
 * Sources: each vendor's own API reference.
 */
import type { DataAction } from '../../core/base/permit.ts'

export interface Preset {
  readonly url: string
  readonly header: string
  /** What stands before the key. */
  readonly scheme: string
  /** `*` is any text. */
  readonly rules: readonly (readonly [ask: string, action: DataAction])[]
}

export const presetNames = ['openai', 'anthropic', 'slack', 'notion', 'github'] as const

const bearer = { header: 'authorization', scheme: 'Bearer ' } as const

export const presets: Readonly<Record<(typeof presetNames)[number], Preset>> = {
  openai: {
    url: 'https://api.openai.com',
    ...bearer,
    rules: [
      ['* /v1/organization/*', 'change-privilege'],
      ['POST /v1/chat/completions', 'spend'],
      ['POST /v1/responses', 'spend'],
      ['POST /v1/embeddings', 'spend'],
      ['POST /v1/images/*', 'spend'],
      ['POST /v1/audio/*', 'spend'],
      ['POST /v1/moderations', 'read'],
    ],
  },
  anthropic: {
    url: 'https://api.anthropic.com',
    header: 'x-api-key',
    scheme: '',
    rules: [
      ['* /v1/organizations/*', 'change-privilege'],
      ['POST /v1/messages/count_tokens', 'read'],
      ['POST /v1/messages', 'spend'],
      ['POST /v1/messages/batches', 'spend'],
    ],
  },
  slack: {
    url: 'https://slack.com',
    ...bearer,
    rules: [
      ['* /api/admin.*', 'change-privilege'],
      ['* /api/conversations.inviteShared', 'share-outside'],
      ['* /api/files.sharedPublicURL', 'share-outside'],
      ['* /api/chat.delete', 'destroy'],
      ['* /api/files.delete', 'destroy'],
      ['* /api/chat.postMessage', 'write'],
      ['* /api/chat.update', 'write'],
      ['* /api/reactions.add', 'write'],
      ['* /api/*.list', 'read'],
      ['* /api/*.info', 'read'],
      ['* /api/*.history', 'read'],
      ['* /api/*.replies', 'read'],
      ['* /api/auth.test', 'read'],
    ],
  },
  notion: {
    url: 'https://api.notion.com',
    ...bearer,
    rules: [
      ['POST /v1/search', 'read'],
      ['POST /v1/databases/*/query', 'read'],
      ['POST /v1/data_sources/*/query', 'read'],
      ['POST /v1/pages', 'write'],
      ['POST /v1/comments', 'write'],
      ['PATCH /v1/blocks/*', 'write'],
      ['PATCH /v1/pages/*', 'write'],
    ],
  },
  github: {
    url: 'https://api.github.com',
    ...bearer,
    rules: [
      ['GET *', 'read'],
      ['* /repos/*/collaborators*', 'change-privilege'],
      ['* /repos/*/keys*', 'change-privilege'],
      ['* /repos/*/hooks*', 'change-privilege'],
      ['* /repos/*/actions/*', 'change-privilege'],
      ['POST /repos/*/issues*', 'write'],
      ['PATCH /repos/*/issues/*', 'write'],
      ['POST /repos/*/pulls*', 'write'],
      ['PUT /repos/*/contents/*', 'write'],
      ['POST /gists', 'share-outside'],
    ],
  },
}
