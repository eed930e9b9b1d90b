/** The models that an agent may be given, asked once for a page. */
'use client'

import { useEffect, useState } from 'react'
import { type Problem, toProblem } from '../model/problem.ts'
import { callApi } from './api.ts'

export interface ModelView {
  id: string
  name: string
  contextTokens: number | null
  inputPriceUsdPerMTok: number | null
  outputPriceUsdPerMTok: number | null
}

export interface DefaultLimits {
  maxSteps: number
  /** US dollars a run; null: no limit. */
  maxCostUsd: number | null
}

export interface Models {
  /** Null until they are known. */
  models: ModelView[] | null
  /** What an agent gets that names none. */
  defaultModel: string | null
  /** And the limits; null until they are known. */
  defaultLimits: DefaultLimits | null
  problem: Problem | null
}

export function useModels(): Models {
  const [state, setState] = useState<Models>({ models: null, defaultModel: null, defaultLimits: null, problem: null })
  useEffect(() => {
    let isGone = false
    const put = (next: Models) => {
      if (!isGone) setState(next)
    }
    callApi<{ items: ModelView[]; defaultModel: string; defaultLimits: DefaultLimits }>('/api/models').then(
      ({ items, defaultModel, defaultLimits }) => put({ models: items, defaultModel, defaultLimits, problem: null }),
      (error: unknown) => put({ models: [], defaultModel: null, defaultLimits: null, problem: toProblem(error) }),
    )
    return () => {
      isGone = true
    }
  }, [])
  return state
}
