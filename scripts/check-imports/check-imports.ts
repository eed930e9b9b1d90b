/** Checks that imports point one way (scripts/check-imports/zones.ts). Exit code 1 and a line for each that does not. */
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { projectDirectory } from '../project-directory.ts'
import { findViolations } from './find-violations.ts'

const FOLDERS = ['app', 'lib', 'container', 'scripts']

const files = new Map<string, string>()
for (const folder of FOLDERS) {
  for (const entry of await readdir(path.join(projectDirectory, folder), { recursive: true, withFileTypes: true })) {
    const file = path.relative(projectDirectory, path.join(entry.parentPath, entry.name))
    if (!entry.isFile() || !/\.(ts|tsx|mjs)$/.test(file) || file.startsWith('lib/store/generated/')) continue
    files.set(file, await readFile(path.join(projectDirectory, file), 'utf8'))
  }
}

const violations = findViolations(files)
for (const violation of violations) console.error(violation)
console.log(`${files.size} files: ${violations.length === 0 ? 'imports point one way' : `${violations.length} wrong`}`)
process.exitCode = violations.length === 0 ? 0 : 1
