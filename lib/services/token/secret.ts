/** Secrets that let somebody in: made here, shown once, kept as a hash. */
import { createHash } from 'node:crypto'
import { randomText } from '../../ids.ts'

/** 200 random bits; the prefix lets a secret scanner and a person recognise it. */
export function makeSecret(prefix: 'berth' | 'link'): string {
  return `${prefix}_${randomText(40)}`
}

/** SHA-256, hex: enough for a secret with this much randomness. */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}
