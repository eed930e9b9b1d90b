/** The data folder: whose it is, who may read it, whether it can be written. */
import { stat } from 'node:fs/promises'
import path from 'node:path'
import { type Finding, ok, problem, warning } from '../finding.ts'
import { findExisting, isWritable } from './existing-folder.ts'

export interface DataFolderFacts {
  path: string
  /** Null: not there yet. */
  folder: { isDirectory: boolean; uid: number; mode: number } | null
  /** It, or where it is not there the nearest folder above it. */
  existing: string
  isWritable: boolean
  /** Of this process. */
  uid: number
  /** An ordinary user's database lies in it. */
  hasDatabase: boolean
  /** The secret key's file; null: not there, or not to be seen. */
  secretMode: number | null
}

export async function readDataFolder(dataDirectory: string): Promise<DataFolderFacts> {
  const existing = await findExisting(dataDirectory)
  const [folder, database, secret] = await Promise.all([
    find(dataDirectory),
    find(path.join(dataDirectory, 'postgres', 'data')),
    find(path.join(dataDirectory, 'secrets', 'secret-key')),
  ])
  return {
    path: dataDirectory,
    folder: folder === null ? null : { isDirectory: folder.isDirectory(), uid: folder.uid, mode: folder.mode & 0o777 },
    existing,
    isWritable: await isWritable(existing),
    uid: process.getuid?.() ?? 0,
    hasDatabase: database !== null,
    secretMode: secret === null ? null : secret.mode & 0o777,
  }
}

export function judgeDataFolder(facts: DataFolderFacts): Finding[] {
  const { path: shown, folder, existing, isWritable: canWrite, uid } = facts
  const because = 'the data folder cannot be written'
  const elsewhere = 'name another folder in BERTH_DATA_DIR'
  if (folder !== null && !folder.isDirectory) {
    return [problem(`${shown} is a file`, `Move it away, or ${elsewhere}.`, because)]
  }
  if (folder === null) {
    if (canWrite) return [ok(`${shown}, made at the first start`)]
    return [
      problem(
        `${shown} cannot be made: ${existing} cannot be written`,
        `Let this user write there, or ${elsewhere}.`,
        because,
      ),
    ]
  }
  if (!canWrite) {
    const owner = folder.uid === uid ? '' : `: it belongs to user id ${folder.uid}, and this is ${uid}`
    return [
      problem(
        `${shown} cannot be written${owner}`,
        // Of another's folder, such as / or a home, nobody is to be told to take it.
        `If Berth made it: sudo chown -R ${uid} '${shown}' && chmod u+rwx '${shown}'. Else ${elsewhere}.`,
        because,
      ),
    ]
  }
  const warnings = warn(facts, folder)
  return warnings.length > 0 ? warnings : [ok(`${shown}, this user's alone`)]
}

function warn(
  { path: shown, uid, hasDatabase, secretMode }: DataFolderFacts,
  folder: { uid: number; mode: number },
): Finding[] {
  const findings: Finding[] = []
  if (uid === 0 && hasDatabase) {
    findings.push(
      warning(
        `${shown} holds the database of an ordinary user (id ${folder.uid}); as root another one is used`,
        'Start Berth as that user, or name another folder for root in BERTH_DATA_DIR.',
      ),
    )
  }
  if ((folder.mode & 0o077) !== 0) {
    findings.push(
      warning(
        `${shown} can be entered by others (mode ${folder.mode.toString(8)}); secrets lie in it`,
        `chmod 700 '${shown}'`,
      ),
    )
  }
  if (secretMode !== null && (secretMode & 0o077) !== 0) {
    const file = path.join(shown, 'secrets', 'secret-key')
    findings.push(
      warning(`The secret key can be read by others (mode ${secretMode.toString(8)})`, `chmod 600 '${file}'`),
    )
  }
  return findings
}

/** Null: not there, or behind a folder that is closed to us. */
async function find(file: string) {
  try {
    return await stat(file)
  } catch (error) {
    if (error instanceof Error && 'code' in error) return null
    throw error
  }
}
