/** Ends this process when the npm that runs it is killed: nothing tells, neither the shell between nor what that has started. */
import { readFileSync } from 'node:fs'

const LOOK_MS = 1_000
/** npm, perhaps a shell, this process. */
const GENERATIONS = 2

/** Looks from now on; what it answers ends that. */
export function endWithNpm() {
  if (process.env.npm_lifecycle_event === undefined) return () => {}
  const isThere = watchNpm()
  const timer = setInterval(() => {
    if (!isThere()) process.kill(process.pid, 'SIGTERM')
  }, LOOK_MS)
  return () => clearInterval(timer)
}

/** When a process ends, its children get another parent. Where nothing is known of npm, this process's own parent is watched. */
function watchNpm() {
  let child = process.pid
  for (let generation = 0; generation < GENERATIONS; generation += 1) {
    const parent = parentOf(child)
    if (parent === null) break
    if (isNpm(parent)) {
      const watched = child
      return () => parentOf(watched) === parent
    }
    child = parent
  }
  const parent = process.ppid
  return () => process.ppid === parent
}

/** npm gives itself its command as a name: "npm start". */
function isNpm(pid) {
  const [program = ''] = (readProcess(pid, 'cmdline') ?? '').split('\0')
  return /^npm( |$)/.test(program)
}

/** Field 4 of /proc/<pid>/stat, after the name in brackets; null where that cannot be read. */
function parentOf(pid) {
  if (pid === process.pid) return process.ppid
  const stat = readProcess(pid, 'stat')
  return stat === null ? null : Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
}

function readProcess(pid, file) {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(error.code)) return null
    throw error
  }
}
