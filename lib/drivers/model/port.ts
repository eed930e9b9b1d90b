/** What models there are, and what the provider kept of past calls. Must not know: agents, budgets. */
export interface ModelInfo {
  id: string
  name: string
  contextTokens: number | null
  maxOutputTokens: number | null
  /** US dollars for a million tokens; null where the provider gives no price. */
  inputPriceUsdPerMTok: number | null
  outputPriceUsdPerMTok: number | null
  /** Of what is written to the provider's cache, where that costs something of its own. */
  cacheWritePriceUsdPerMTok: number | null
}

export interface ModelCatalog {
  /** Null while the provider cannot be asked (no network, no answer): then nothing is known, which is not "no models". */
  list(): Promise<ModelInfo[] | null>
  /** Null when it is not in the list, or nothing is known. */
  find(id: string): Promise<ModelInfo | null>
}

/** What a call used, as the provider's own books have it. */
export interface GenerationRecord {
  inputTokens: number
  outputTokens: number
  cachedInputTokens: number
  reasoningTokens: number
  costUsd: number
}

export interface GenerationRecords {
  /**
   * Null when the provider has none: not yet (it appears some seconds after the call), or never. Throws when it cannot be
   * asked now.
   */
  find(generationId: string): Promise<GenerationRecord | null>
}
