/** Ways to break what a set-up needs of its own machine: engine, image, database, folders, settings, programs. */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import path from 'node:path'
import pg from 'pg'
import { AGENT_IMAGE } from '../doctor-rig.ts'
import { startEngineStandIn } from '../engine-stand-in.ts'
import type { Breakage, Stage } from './breakage.ts'

const envFile =
  (text: string): Breakage['break'] =>
  async ({ rig, defer }) => {
    await writeFile(path.join(rig.root, '.env'), text)
    defer(() => rm(path.join(rig.root, '.env')))
    return {}
  }

const databaseAt =
  (change: (url: URL) => void): Breakage['break'] =>
  ({ rig }) => {
    const url = new URL(rig.database.url)
    change(url)
    return { DATABASE_URL: url.href }
  }

const query =
  (sql: string, undo: string): Breakage['break'] =>
  async ({ rig, defer }) => {
    const run = async (text: string) => {
      const client = new pg.Client({ connectionString: rig.database.url })
      await client.connect()
      await client.query(text).finally(() => client.end())
    }
    await run(sql)
    defer(() => run(undo))
    return {}
  }

async function startEngine(stage: Stage, options: Partial<Parameters<typeof startEngineStandIn>[0]>) {
  const folder = path.join(stage.rig.root, 'engine')
  await mkdir(folder)
  stage.defer(() => rm(folder, { recursive: true }))
  const engine = await startEngineStandIn({ folder, images: [AGENT_IMAGE], ...options })
  stage.defer(() => engine.close())
  return { DOCKER_HOST: engine.address }
}

export const machineBreakages: Breakage[] = [
  {
    what: 'no engine',
    break: () => ({ DOCKER_HOST: 'unix:///no/such/engine.sock' }),
    check: 'engine',
    severity: 'problem',
    found: /engine at unix:\/\/\/no\/such\/engine\.sock cannot be reached \(.*ENOENT\)/,
    advice: /sudo systemctl start docker/,
  },
  {
    what: 'an engine that limits nothing',
    break: (stage) => startEngine(stage, { info: { MemoryLimit: false, SecurityOptions: [] } }),
    check: 'engine',
    severity: 'warning',
    found: /cannot limit a sandbox's memory/,
    advice: /cgroup_enable=memory/,
  },
  {
    what: 'no agent image, and no way to one',
    break: () => ({ BERTH_AGENT_IMAGE: undefined, BERTH_BASE_IMAGE: 'base.test/none:1' }),
    check: 'image',
    severity: 'problem',
    found: /berth-agent:\S+ is not made yet, and its base base\.test\/none:1 cannot be had: no such image here/,
    advice: /docker pull base\.test\/none:1.*BERTH_BASE_IMAGE/,
  },
  {
    what: "an agent image without Berth's programs",
    break: async (stage) => ({
      ...(await startEngine(stage, { foreignImages: ['debian:12'] })),
      BERTH_AGENT_IMAGE: 'debian:12',
    }),
    check: 'image',
    severity: 'problem',
    found: /debian:12, which BERTH_AGENT_IMAGE names, does not have Berth's programs/,
    advice: /leave BERTH_AGENT_IMAGE out/,
  },
  {
    what: 'an agent image that was not made yet',
    break: async (stage) => ({
      ...(await startEngine(stage, { inRegistry: ['base.test/there:1'] })),
      BERTH_AGENT_IMAGE: undefined,
      BERTH_BASE_IMAGE: 'base.test/there:1',
    }),
    check: 'image',
    severity: 'warning',
    found: /is not made yet; its base base\.test\/there:1 can be pulled/,
    advice: /npm run build-container/,
  },
  {
    what: 'more CPUs than there are',
    break: () => ({ DEFAULT_CONTAINER_CPU: '64000000000' }),
    check: 'sandbox-size',
    severity: 'problem',
    found: /gives a sandbox 64 CPUs, and the engine has 8/,
    advice: /DEFAULT_CONTAINER_CPU to 8000000000/,
  },
  {
    what: 'more memory than there is',
    break: () => ({ DEFAULT_CONTAINER_MEMORY: '68719476736' }),
    check: 'sandbox-size',
    severity: 'warning',
    found: /may use 64\.0 GiB .* too little for one/,
    advice: /DEFAULT_CONTAINER_MEMORY/,
  },
  {
    what: 'a data folder that is a file',
    break: async ({ rig, defer }) => {
      const file = path.join(rig.root, 'file')
      await writeFile(file, '')
      defer(() => rm(file))
      return { BERTH_DATA_DIR: file }
    },
    check: 'data-folder',
    severity: 'problem',
    found: /is a file/,
    advice: /BERTH_DATA_DIR/,
  },
  {
    what: 'a data folder that is open to all',
    break: async ({ rig, defer }) => {
      const folder = path.join(rig.root, 'open')
      await mkdir(folder, { mode: 0o755 })
      defer(() => rm(folder, { recursive: true }))
      return { BERTH_DATA_DIR: folder }
    },
    check: 'data-folder',
    severity: 'warning',
    found: /entered by others \(mode 755\)/,
    advice: /chmod 700/,
  },
  {
    what: 'a database that is not running',
    break: databaseAt((url) => {
      url.port = '1'
    }),
    check: 'database',
    severity: 'problem',
    found: /cannot be used: .*ECONNREFUSED/,
    advice: /start the server, or correct host and port in DATABASE_URL/,
  },
  {
    what: 'a wrong password of the database',
    break: databaseAt((url) => {
      url.password = 'wrong-password'
    }),
    check: 'database',
    severity: 'problem',
    found: /password authentication failed/,
    advice: /user name and password in DATABASE_URL/,
  },
  {
    what: 'a database that nobody made',
    break: databaseAt((url) => {
      url.pathname = '/nobody_made_it'
    }),
    check: 'database',
    severity: 'problem',
    found: /"nobody_made_it" does not exist/,
    advice: /createdb/,
  },
  {
    what: 'a port that somebody else has',
    break: async ({ defer }) => {
      const server = createServer((socket) => socket.destroy())
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      defer(() => new Promise((resolve) => server.close(resolve)))
      const address = server.address()
      return { PORT: String(typeof address === 'object' && address !== null ? address.port : 0) }
    },
    check: 'port',
    severity: 'problem',
    found: new RegExp(`is taken by .+ \\(process ${process.pid}\\)\\.$`),
    advice: /PORT=\d+ npm start/,
  },
  {
    what: 'a wrong value',
    break: envFile('MAX_ITERATIONS=many\n'),
    check: 'settings',
    severity: 'problem',
    found: /MAX_ITERATIONS="many": must be a whole number above 0/,
    advice: /Correct MAX_ITERATIONS/,
  },
  {
    what: 'a misspelt variable',
    break: envFile('GITHUB_TOKN=x\n'),
    check: 'settings',
    severity: 'warning',
    found: /GITHUB_TOKN is no variable of Berth.*did you mean GITHUB_TOKEN\?/,
    advice: /\.env\.example/,
  },
  {
    what: 'a .env that is a folder',
    break: async ({ rig, defer }) => {
      await mkdir(path.join(rig.root, '.env'))
      defer(() => rm(path.join(rig.root, '.env'), { recursive: true }))
      return {}
    },
    check: 'settings',
    severity: 'problem',
    found: /\.env is there and cannot be read \(EISDIR\)/,
    advice: /\.env/,
  },
  {
    what: 'a migration that began and did not end',
    break: query(
      `INSERT INTO "_prisma_migrations" (id, checksum, migration_name) VALUES ('x', 'x', '29990101000000_torn')`,
      `DELETE FROM "_prisma_migrations" WHERE id = 'x'`,
    ),
    check: 'database',
    severity: 'warning',
    found: /the migration 29990101000000_torn began and did not end/,
    advice: /npm start tries it again/,
  },
  {
    what: 'a database of a newer Berth',
    break: query(
      `INSERT INTO "_prisma_migrations" (id, checksum, migration_name, finished_at) VALUES ('x', 'x', '29990101000000_later', now())`,
      `DELETE FROM "_prisma_migrations" WHERE id = 'x'`,
    ),
    check: 'database',
    severity: 'problem',
    found: /used by a newer Berth \(migration 29990101000000_later\)/,
    advice: /git pull/,
  },
  {
    what: "another program's database",
    break: query(
      'ALTER TABLE "_prisma_migrations" RENAME TO something_else',
      'ALTER TABLE something_else RENAME TO "_prisma_migrations"',
    ),
    check: 'database',
    severity: 'warning',
    found: /holds the tables of another program/,
    advice: /a database of its own for Berth/,
  },
  {
    what: 'a wish for another kind of sandbox than was chosen',
    break: async (stage) => {
      const make = query(
        `INSERT INTO "Installation" ("key", "id", "driver") VALUES (1, 'ins_1', 'process')`,
        'DELETE FROM "Installation"',
      )
      return { ...(await make(stage)), BERTH_SANDBOX: 'docker' }
    },
    check: 'driver',
    severity: 'problem',
    found: /made by the process driver, but BERTH_SANDBOX=docker asks for another/,
    advice: /take BERTH_SANDBOX out/,
  },
  {
    what: 'a database that was copied',
    break: query(
      `INSERT INTO "Installation" ("key", "id", "place", "keyCheck") VALUES (1, 'ins_1', '{"server":"1","database":"first"}', '')`,
      'DELETE FROM "Installation"',
    ),
    check: 'installation',
    severity: 'problem',
    found: /last used as the database "first" of the PostgreSQL server 1, .*moved, restored or copied/,
    advice: /npm run installation -- adopt.*npm run installation -- separate/,
  },
  {
    what: 'sandboxes that hold nobody in',
    break: () => ({ BERTH_SANDBOX: 'process', DOCKER_HOST: 'unix:///no/such/engine.sock' }),
    check: 'driver',
    severity: 'warning',
    found: /not isolated .*nothing holds them in/,
    advice: /start Docker, leave BERTH_SANDBOX out/,
  },
  {
    what: 'no git',
    break: () => ({ PATH: '/no/such/folder' }),
    check: 'git',
    severity: 'warning',
    found: /not found/,
    advice: /sudo apt-get install git/,
  },
  {
    what: 'no folder for temporary files',
    break: () => ({ TMPDIR: '/no/such/folder' }),
    check: 'disk',
    severity: 'warning',
    found: /No temporary file can be made in \/no\/such\/folder/,
    advice: /mkdir -p '\/no\/such\/folder'/,
  },
]
