/** initdb asks the system for the name of the user that it runs as, and makes nothing for a number without one. */
import os from 'node:os'
import { EmbeddedProblem } from './problem.ts'

/** Throws EmbeddedProblem with what to do. A container that runs as any number (docker run -u 12345) is where it happens. */
export function assertUserHasName(readUser: () => unknown = os.userInfo, uid = process.getuid?.()): void {
  try {
    readUser()
  } catch (cause) {
    throw new EmbeddedProblem(
      `The embedded PostgreSQL makes its files for users with a name only, and user ${uid} has none here. Give it one: echo 'berth:x:${uid}:${process.getgid?.()}::/:/bin/sh' | sudo tee -a /etc/passwd; or name a PostgreSQL server in DATABASE_URL.`,
      { cause },
    )
  }
}
