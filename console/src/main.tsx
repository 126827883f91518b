/** The start of the console: who is signed in, then the page of the address. */
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { Refused } from './api.ts'
import { makeConsoleRouter } from './router.tsx'

/** Only what was not answered is tried again by itself: a no stays a no. */
const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 1_000,
      retry: (count, error) => error instanceof Refused && error.problem.status === 0 && count < 3,
      retryDelay: count => Math.min(8_000, 500 * 2 ** count),
    },
    mutations: { retry: false },
  },
})

const root = document.getElementById('root')
if (root !== null)
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={client}>
        <RouterProvider router={makeConsoleRouter()} />
      </QueryClientProvider>
    </StrictMode>,
  )
