/** Where whole command outputs are kept for the agent to search: bounded in number and size, the oldest go first. */
import { closeSync, mkdirSync, openSync, readdirSync, rmSync, statSync, writeSync } from 'node:fs'
import path from 'node:path'
import { randomText } from '../../../lib/ids.ts'
import { hasCode } from './map-fs-error.ts'

export interface OutputFile {
  path: string
  /** Beyond the limit, or on a full disk, nothing more is written. */
  append(text: string): void
  close(): void
}

export interface OutputFiles {
  /** Null when no file can be made (a full disk, say): the command goes on without. */
  open(): OutputFile | null
}

export interface OutputFilesOptions {
  directory: string
  maxFiles?: number
  maxFileBytes?: number
  maxTotalBytes?: number
}

const NAME = /^command-[0-9a-z]+\.txt$/

export function createOutputFiles(options: OutputFilesOptions): OutputFiles {
  const { directory, maxFiles = 100, maxFileBytes = 50 * 1024 * 1024, maxTotalBytes = 500 * 1024 * 1024 } = options
  return {
    open() {
      try {
        mkdirSync(directory, { recursive: true })
        pruneOldest({ directory, maxFiles: maxFiles - 1, maxBytes: maxTotalBytes - maxFileBytes })
        const file = path.join(directory, `command-${randomText(10)}.txt`)
        return createOutputFile(file, openSync(file, 'wx', 0o600), maxFileBytes)
      } catch (error) {
        if (hasCode(error, 'ENOSPC', 'EDQUOT', 'EACCES', 'EROFS', 'ENOTDIR', 'EEXIST')) return null
        throw error
      }
    },
  }
}

function createOutputFile(file: string, descriptor: number, maxBytes: number): OutputFile {
  let left = maxBytes
  const write = (text: string) => {
    try {
      writeSync(descriptor, text)
    } catch (error) {
      if (!hasCode(error, 'ENOSPC', 'EDQUOT')) throw error
      left = 0
    }
  }
  return {
    path: file,
    append(text) {
      if (left <= 0) return
      const bytes = Buffer.byteLength(text)
      if (bytes <= left) write(text)
      else write(`\n[The file ends here: it has reached ${maxBytes} bytes.]\n`)
      left = bytes <= left ? left - bytes : 0
    },
    close: () => closeSync(descriptor),
  }
}

function pruneOldest(limits: { directory: string; maxFiles: number; maxBytes: number }): void {
  const files = readdirSync(limits.directory)
    .filter((name) => NAME.test(name))
    .map((name) => ({ file: path.join(limits.directory, name), ...sizeAndAge(path.join(limits.directory, name)) }))
    .sort((a, b) => b.mtimeMs - a.mtimeMs)
  let bytes = 0
  for (const [index, { file, size }] of files.entries()) {
    bytes += size
    if (index >= limits.maxFiles || bytes > limits.maxBytes) rmSync(file, { force: true })
  }
}

function sizeAndAge(file: string): { size: number; mtimeMs: number } {
  const stats = statSync(file, { throwIfNoEntry: false })
  return { size: stats?.size ?? 0, mtimeMs: stats?.mtimeMs ?? 0 }
}
