/** read_file: numbered lines of a text file, in bounded pieces. */
import { z } from 'zod'
import { type Workspace, WorkspaceError } from '../workspace-port.ts'
import { defineTool, failure, success } from './define-tool.ts'
import { LIMITS } from './limits.ts'
import { decodeText, describeBinary, readNamed, splitLines } from './text-file.ts'
import type { ToolContext, ToolOutput } from './tool.ts'

const { read } = LIMITS

const input = z.strictObject({
  path: z.string().min(1).describe('File to read, relative to the workspace or absolute.'),
  offset: z.number().int().min(0).optional().describe('First line to read, counted from 1. Default: 1.'),
  limit: z.number().int().min(1).optional().describe(`How many lines to read. Default and most: ${read.lines}.`),
})

export const readFile = defineTool<z.infer<typeof input>>({
  name: 'read_file',
  description:
    `Reads a text file and returns its lines with their numbers. At most ${read.lines} lines and ` +
    `${read.outputBytes / 1024} KB at once; the answer says how to go on. The numbers are not part of the file.`,
  input,
  async execute({ path, offset = 1, limit = read.lines }, context) {
    const piece = { first: Math.max(offset, 1), count: Math.min(limit, read.lines) }
    try {
      return await readWhole(path, piece, context)
    } catch (error) {
      if (error instanceof WorkspaceError && error.code === 'too_large') return readPiece(path, piece, context)
      throw error
    }
  },
})

interface Piece {
  first: number
  count: number
}

async function readWhole(path: string, piece: Piece, { workspace, reads }: ToolContext): Promise<ToolOutput> {
  const file = await readNamed(workspace, path)
  const text = decodeText(file)
  if (text === null) return failure(`${describeBinary(file)}; only text can be read.`)
  reads.record(file.path, file.sha256)
  const lines = splitLines(text.text)
  if (lines.length === 0) return success(`${file.path} is empty.`)
  if (piece.first > lines.length) {
    return failure(`${file.path} has ${lines.length} lines; offset=${piece.first} is behind its end.`)
  }
  const shown = numberLines(lines.slice(piece.first - 1, piece.first - 1 + piece.count), piece.first)
  const last = piece.first + shown.count - 1
  const rest = last < lines.length ? `; use offset=${last + 1} to continue` : ''
  return success(`${shown.text}\n(lines ${piece.first} to ${last} of ${lines.length}${rest})`, {
    path: file.path,
    firstLine: piece.first,
    lastLine: last,
    totalLines: lines.length,
  })
}

/** Of a file too large to come whole, sed prints the lines; their total stays unknown. */
async function readPiece(path: string, { first, count }: Piece, context: ToolContext): Promise<ToolOutput> {
  const last = first + count - 1
  const stat = await statFile(context.workspace, path)
  const result = await context.workspace.run(
    {
      command: { argv: ['sed', '-n', `${first},${last}p;${last}q`, '--', stat.path] },
      timeoutMs: LIMITS.search.timeoutMs,
      maxOutputChars: 2 * LIMITS.search.outputChars,
    },
    { signal: context.signal },
  )
  if (result.exitCode !== 0) return failure(`${path} has ${stat.size} bytes and could not be read: ${result.output}`)
  if (result.output.includes('\0'))
    return failure(`${path} is a binary file (${stat.size} bytes); only text can be read.`)
  // With its middle cut, the output's head alone is a piece of the file.
  const kept = result.truncated ? result.output.slice(0, LIMITS.search.outputChars) : result.output
  const lines = splitLines(kept)
  if (lines.length === 0) return failure(`${path} has fewer than ${first} lines.`)
  const shown = numberLines(lines, first)
  const end = first + shown.count - 1
  const rest = shown.count < lines.length || lines.length === count ? `; use offset=${end + 1} to continue` : ''
  return success(`${shown.text}\n(lines ${first} to ${end} of a file of ${stat.size} bytes${rest})`)
}

async function statFile(workspace: Workspace, path: string) {
  const stat = await workspace.stat(path)
  if (stat === null) throw new WorkspaceError('not_found', `${path} does not exist.`)
  return stat
}

/** As many of the lines as fit the output, at least one. */
function numberLines(lines: string[], first: number): { text: string; count: number } {
  const shown: string[] = []
  let bytes = 0
  for (const [index, line] of lines.entries()) {
    const numbered = `${String(first + index).padStart(6)}\t${cutLine(line)}`
    bytes += Buffer.byteLength(numbered) + 1
    if (shown.length > 0 && bytes > read.outputBytes) break
    shown.push(numbered)
  }
  return { text: shown.join('\n'), count: shown.length }
}

function cutLine(line: string): string {
  if (line.length <= read.lineChars) return line
  return `${line.slice(0, read.lineChars).toWellFormed()} [line cut here, it has ${line.length} characters]`
}
