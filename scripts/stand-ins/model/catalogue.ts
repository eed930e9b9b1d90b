/** The models that the stand-in offers, in the shape of OpenRouter's `GET /models`. Prices are US dollars a token, as text. */

export interface CatalogueModel {
  id: string
  name: string
  contextLength: number
  maxCompletionTokens: number
  promptPrice: string
  completionPrice: string
  cacheReadPrice: string
}

export const DEFAULT_CATALOGUE: CatalogueModel[] = [
  {
    id: 'anthropic/claude-sonnet-4.6',
    name: 'Scripted stand-in for Claude Sonnet 4.6',
    contextLength: 1_000_000,
    maxCompletionTokens: 128_000,
    promptPrice: '0.000003',
    completionPrice: '0.000015',
    cacheReadPrice: '0.0000003',
  },
  {
    id: 'openai/gpt-5-mini',
    name: 'Scripted stand-in for GPT-5 Mini',
    contextLength: 400_000,
    maxCompletionTokens: 128_000,
    promptPrice: '0.00000025',
    completionPrice: '0.000002',
    cacheReadPrice: '0.000000025',
  },
]

export function modelShape(model: CatalogueModel) {
  return {
    id: model.id,
    canonical_slug: model.id,
    hugging_face_id: '',
    name: model.name,
    created: 1_750_000_000,
    description: 'Answers from a script on this machine. No model is asked.',
    context_length: model.contextLength,
    architecture: {
      modality: 'text->text',
      input_modalities: ['text'],
      output_modalities: ['text'],
      tokenizer: 'Other',
      instruct_type: null,
    },
    pricing: {
      prompt: model.promptPrice,
      completion: model.completionPrice,
      request: '0',
      image: '0',
      web_search: '0',
      internal_reasoning: '0',
      input_cache_read: model.cacheReadPrice,
      input_cache_write: '0',
    },
    top_provider: {
      context_length: model.contextLength,
      max_completion_tokens: model.maxCompletionTokens,
      is_moderated: false,
    },
    per_request_limits: null,
    supported_parameters: ['max_tokens', 'reasoning', 'stop', 'temperature', 'tool_choice', 'tools'],
  }
}
