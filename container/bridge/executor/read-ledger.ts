/** Which files the model has read, and as what, in this life of the bridge: after a restart a file is read again first. */
import type { ReadLedger } from '../tools/tool.ts'

export function createReadLedger(): ReadLedger {
  const seen = new Map<string, string>()
  return {
    record: (path, sha256) => {
      seen.set(path, sha256)
    },
    lastSeen: (path) => seen.get(path) ?? null,
  }
}
