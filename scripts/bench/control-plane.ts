/** A control plane in a process of its own, on a data folder that may hold something: how long it takes until it is healthy. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { findInstance } from '../../lib/composition/instance-lock.ts'
import { environmentWith } from '../../lib/config.ts'
import { machineMs } from '../machine-ms.ts'

const SERVE = fileURLToPath(new URL('../serve.ts', import.meta.url))
const POLL_MS = 10

export interface BootedControlPlane {
  url: string
  /** From the start of its process to the first answer of /api/health that it is well. */
  bootMs: number
}

interface Boot {
  dataDirectory: string
  modelUrl: string
  sleep(ms: number): Promise<void>
}

/** Boots it for `use` and ends it, whatever happens. Throws, with what it said, when it ended before it was healthy. */
export async function withControlPlane<T>(boot: Boot, use: (booted: BootedControlPlane) => Promise<T>): Promise<T> {
  const beganMs = machineMs()
  const program = spawn(process.execPath, [SERVE], { env: environmentOf(boot), stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = once(program, 'close')
  const said: string[] = []
  for (const output of [program.stdout, program.stderr])
    output.on('data', (chunk: Buffer) => said.push(chunk.toString()))
  const assertAlive = () => {
    if (program.exitCode !== null) throw new Error(`The control plane ended before it was healthy: ${said.join('')}`)
  }
  try {
    const url = await untilHealthy({ ...boot, assertAlive })
    return await use({ url, bootMs: machineMs() - beganMs })
  } finally {
    program.kill('SIGTERM')
    await ended
  }
}

async function untilHealthy(input: Boot & { assertAlive(): void }): Promise<string> {
  for (;;) {
    input.assertAlive()
    const url = (await findInstance(input.dataDirectory))?.url ?? null
    if (url !== null && (await isHealthy(url))) return url
    await input.sleep(POLL_MS)
  }
}

async function isHealthy(url: string): Promise<boolean> {
  const response = await fetch(`${url}/api/health`)
  const { status } = (await response.json()) as { status: string }
  return response.ok && status === 'ok'
}

/** The person's own, without what would lead it to another database or address. */
function environmentOf({ dataDirectory, modelUrl }: Boot): NodeJS.ProcessEnv {
  return environmentWith({
    BERTH_DATA_DIR: dataDirectory,
    DATABASE_URL: '',
    HOST: '127.0.0.1',
    PORT: '0',
    NEXTAUTH_URL: '',
    OPENROUTER_BASE_URL: modelUrl,
    BERTH_LOG_LEVEL: 'error',
  })
}
