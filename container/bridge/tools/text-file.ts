/** Files as text: what is text and what is not, its byte order mark, its line ends. */
import { type FileContent, type Workspace, WorkspaceError } from '../workspace-port.ts'
import { LIMITS } from './limits.ts'

export interface TextFile {
  /** As the workspace shows it. */
  path: string
  /** Without its byte order mark. */
  text: string
  bom: '' | '\uFEFF'
  sha256: string
}

/** The text of a file, or null for one that is not UTF-8 text. */
export function decodeText(file: FileContent): TextFile | null {
  if (file.bytes.subarray(0, 8192).includes(0)) return null
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(file.bytes)
    const bom = text.startsWith('\uFEFF') ? '\uFEFF' : ''
    return { path: file.path, text: text.slice(bom.length), bom, sha256: file.sha256 }
  } catch (error) {
    if (error instanceof TypeError) return null
    throw error
  }
}

export function encodeText(file: Pick<TextFile, 'text' | 'bom'>): Uint8Array {
  return Buffer.from(file.bom + file.text, 'utf8')
}

/** Lines without their ends; the end of the last line does not begin another. */
export function splitLines(text: string): string[] {
  if (text === '') return []
  const lines = text.split('\n').map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line))
  if (text.endsWith('\n')) lines.pop()
  return lines
}

const SIGNATURES: [string, string][] = [
  ['89504e47', 'PNG image'],
  ['ffd8ff', 'JPEG image'],
  ['47494638', 'GIF image'],
  ['25504446', 'PDF document'],
  ['504b0304', 'ZIP archive'],
  ['1f8b', 'gzip archive'],
  ['7f454c46', 'ELF program'],
  ['fffe', 'UTF-16 text'],
  ['feff', 'UTF-16 text'],
]

/** e.g. "a.png is a binary file (PNG image, 1234 bytes)" */
export function describeBinary(file: FileContent): string {
  const start = Buffer.from(file.bytes.subarray(0, 4)).toString('hex')
  const kind = SIGNATURES.find(([signature]) => start.startsWith(signature))?.[1]
  return `${file.path} is a binary file (${kind === undefined ? '' : `${kind}, `}${file.size} bytes)`
}

/** Reads a file that the model named; a path that is not there is answered with near names. */
export async function readNamed(workspace: Workspace, path: string): Promise<FileContent> {
  try {
    return await workspace.readFile(path, { maxBytes: LIMITS.read.fileBytes })
  } catch (error) {
    if (!(error instanceof WorkspaceError)) throw error
    if (error.code === 'not_found') throw await explainMissing(workspace, path)
    if (error.code === 'is_directory') {
      throw new WorkspaceError('is_directory', `${path} is a directory; list_directory shows what is in it.`)
    }
    throw error
  }
}

/** A `not_found` that names the nearest paths. */
export async function explainMissing(workspace: Workspace, path: string): Promise<WorkspaceError> {
  const near = await workspace.suggest(path, LIMITS.read.suggestions)
  const hint = near.length > 0 ? ` Did you mean ${near.join(', ')}?` : ' find_files finds files by name.'
  return new WorkspaceError('not_found', `${path} does not exist.${hint}`)
}
