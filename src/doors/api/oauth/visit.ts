/** One visit to a page of ours or an OAuth endpoint. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Request } from './request.ts'

export interface Visit {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly request: Request
}

/** GET shows and changes nothing a person would miss; POST of a page comes from a form of ours. */
export interface VisitRoute {
  readonly get?: (visit: Visit) => Promise<void>
  readonly post?: (visit: Visit) => Promise<void>
}
