/** A set-up in which nothing is wrong, of stand-ins and in a folder of its own, for tests that break one part of it. */
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { projectDirectory } from '../../scripts/project-directory.ts'
import { type ForgeStandIn, startForge } from '../../scripts/stand-ins/forge/start-forge.ts'
import { type ModelStandIn, startModel } from '../../scripts/stand-ins/model/start-model.ts'
import { createTestDatabase, type TestDatabase } from './database.ts'
import { type EngineStandIn, startEngineStandIn } from './engine-stand-in.ts'

export interface DoctorRig {
  /** The project's folder as far as the doctor looks into it: .env, and what the agent image is made of. */
  root: string
  dataDirectory: string
  /** Nothing else is in the environment. */
  env: Record<string, string>
  forge: ForgeStandIn
  model: ModelStandIn
  engine: EngineStandIn
  database: TestDatabase
  /** Every secret in `env`. */
  secrets: string[]
  close(): Promise<void>
}

export const AGENT_IMAGE = 'agent-of-the-rig:1'
const MODEL_KEY = 'sk-or-v1-key-of-the-doctors-rig'
const TOKEN = 'ghp_token_of_the_doctors_rig'

export async function startDoctorRig(): Promise<DoctorRig> {
  await using started = new AsyncDisposableStack()
  const folder = await mkdtemp(path.join(os.tmpdir(), 'berth-doctor-'))
  started.defer(() => rm(folder, { recursive: true, force: true }))
  const root = path.join(folder, 'project')
  const dataDirectory = path.join(root, 'data')
  await mkdir(dataDirectory, { recursive: true, mode: 0o700 })
  for (const name of ['package.json', 'container', 'node_modules']) {
    await symlink(path.join(projectDirectory, name), path.join(root, name))
  }
  const forge = await startForge({ token: TOKEN })
  started.defer(() => forge.close())
  const model = await startModel({ script: [], apiKey: MODEL_KEY, keyLimitUsd: 20 })
  started.defer(() => model.close())
  const engine = await startEngineStandIn({ folder, images: [AGENT_IMAGE] })
  started.defer(() => engine.close())
  const database = await createTestDatabase()
  started.defer(() => database.close())
  const secrets = [MODEL_KEY, TOKEN, 'secret-key-of-the-doctors-rig-32', 'session-secret-of-the-doctors-rig']
  const everything = started.move()
  return {
    root,
    dataDirectory,
    forge,
    model,
    engine,
    database,
    secrets: [...secrets, new URL(database.url).password],
    env: {
      PATH: process.env.PATH ?? '',
      TMPDIR: folder,
      npm_config_user_agent: 'npm/10.9.2 node/v20.18.1 linux x64 workspaces/false',
      PORT: '0',
      BERTH_DATA_DIR: dataDirectory,
      BERTH_SECRET_KEY: 'secret-key-of-the-doctors-rig-32',
      NEXTAUTH_SECRET: 'session-secret-of-the-doctors-rig',
      DATABASE_URL: database.url,
      DOCKER_HOST: engine.address,
      BERTH_AGENT_IMAGE: AGENT_IMAGE,
      OPENROUTER_API_KEY: MODEL_KEY,
      OPENROUTER_BASE_URL: model.url,
      GITHUB_TOKEN: TOKEN,
      GITHUB_URL: forge.url,
      GITHUB_API_URL: forge.apiUrl,
    },
    close: () => everything.disposeAsync(),
  }
}
