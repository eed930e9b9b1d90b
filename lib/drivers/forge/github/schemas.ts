/**
 * The parts of GitHub's REST answers that Berth reads (API version 2022-11-28, also GitHub Enterprise Server). Unknown
 * fields are let through: GitHub adds some without notice.
 */
import { z } from 'zod'

export const repositoryAnswer = z.looseObject({
  full_name: z.string(),
  default_branch: z.string(),
  private: z.boolean(),
  /** Kilobytes, counted now and then: 0 also for a small new repository. */
  size: z.number(),
  archived: z.boolean().optional(),
  disabled: z.boolean().optional(),
  /** Absent without a token. */
  permissions: z.looseObject({ push: z.boolean() }).optional(),
})

export const branchAnswer = z.looseObject({
  name: z.string(),
  commit: z.looseObject({ sha: z.string() }),
  protected: z.boolean(),
})

export const pullAnswer = z.looseObject({
  number: z.number().int(),
  html_url: z.string(),
  title: z.string(),
  state: z.enum(['open', 'closed']),
  merged_at: z.string().nullish(),
  head: z.looseObject({ ref: z.string(), sha: z.string() }),
  base: z.looseObject({ ref: z.string() }),
})
export type PullAnswer = z.infer<typeof pullAnswer>

export const problemAnswer = z.looseObject({
  message: z.string(),
  errors: z
    .array(
      z.union([
        z.string(),
        z.looseObject({ message: z.string().optional(), field: z.string().optional(), code: z.string().optional() }),
      ]),
    )
    .optional(),
})
