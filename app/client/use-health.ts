/** What this installation has and lacks, asked once for a page. */
'use client'

import { useEffect, useState } from 'react'
import type { HealthView } from '../../lib/services/health/read.ts'
import { callApi } from './api.ts'

export interface Health {
  status: string
  engine: { reachable: boolean; description: string }
  driver: string
  /** False: agents run as processes of the machine that Berth runs on. */
  isolated: boolean
  modelKey: boolean
  githubToken: boolean
  /** Only the owner is shown any. */
  strays: HealthView['strays']
}

/** Null until it is known, and where it cannot be known: then nothing is claimed. */
export function useHealth(): Health | null {
  const [health, setHealth] = useState<Health | null>(null)
  useEffect(() => {
    let isGone = false
    callApi<Health>('/api/health').then(
      (found) => {
        if (!isGone) setHealth(found)
      },
      // The list beside it shows that the server does not answer; a second note would say the same.
      () => undefined,
    )
    return () => {
      isGone = true
    }
  }, [])
  return health
}
