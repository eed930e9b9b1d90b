/** What is taken for an e-mail address: what a browser's field for one takes, and so `a@b.c` and a host of one's own network. */
import { z } from 'zod'
import { UNCLAIMED_EMAIL } from './unclaimed-email.ts'

/** RFC 5321's longest path, without its brackets. */
const LONGEST = 254

export const emailAddress = z
  .email({ pattern: z.regexes.html5Email, error: 'must be an e-mail address' })
  .max(LONGEST)
  // Whoever had it would be taken for nobody: the place of the owner would be free again.
  .refine((address) => address.toLowerCase() !== UNCLAIMED_EMAIL, 'must be an address of your own')
