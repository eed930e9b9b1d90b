/** Every tool the model can be given. A new one is a file of its own and a line here. */
import { createPullRequest } from './create-pull-request.ts'
import { editFile } from './edit-file.ts'
import { findFiles } from './find-files.ts'
import { gitDiff } from './git-diff.ts'
import { gitLog } from './git-log.ts'
import { gitStatus } from './git-status.ts'
import { listDirectory } from './list-directory.ts'
import { readFile } from './read-file.ts'
import { runCommand } from './run-command.ts'
import { searchFiles } from './search-files.ts'
import type { Tool } from './tool.ts'
import { updateTasks } from './update-tasks.ts'
import { writeFile } from './write-file.ts'

/** Called with input that its schema has parsed. */
export const tools: Tool[] = [
  readFile,
  writeFile,
  editFile,
  listDirectory,
  searchFiles,
  findFiles,
  gitStatus,
  gitDiff,
  gitLog,
  runCommand,
  updateTasks,
  createPullRequest,
]
