/** The exec relay: the process through which a control plane reaches the bridge where it cannot reach the bridge's socket. */
import { Socket } from 'node:net'
import { SANDBOX_PATHS } from '../contract/tunnel.ts'
import { relay } from './relay.ts'

// `process.stdout` would block the process while its pipe is full, and with it the other direction.
const output = new Socket({ fd: 1, readable: false, writable: true })

relay({ socketPath: process.argv[2] ?? SANDBOX_PATHS.socket, input: process.stdin, output }).then(
  (exitCode) => process.exit(exitCode),
  (error: unknown) => {
    console.error(error)
    process.exit(1)
  },
)
