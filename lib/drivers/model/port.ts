/** What models there are. Owns: the provider's catalogue. Must not know: agents, budgets. */
export interface ModelInfo {
  id: string
  name: string
  contextTokens: number | null
  maxOutputTokens: number | null
  /** US dollars for a million tokens; null where the provider gives no price. */
  inputPriceUsdPerMTok: number | null
  outputPriceUsdPerMTok: number | null
}

export interface ModelCatalog {
  /** Null while the provider cannot be asked (no network, no answer): then nothing is known, which is not "no models". */
  list(): Promise<ModelInfo[] | null>
  /** Null when it is not in the list, or nothing is known. */
  find(id: string): Promise<ModelInfo | null>
}
