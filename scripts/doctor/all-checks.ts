/** Every check of `npm run doctor`, in the order in which they are shown, and what each is given. The judgements are in checks/. */
import path from 'node:path'
import { trustExtraCa } from '../../lib/composition/trust-extra-ca.ts'
import { type OpenEngine, openEngine } from '../../lib/drivers/sandbox/docker/engine/open-engine.ts'
import { probeMachine } from '../../lib/drivers/sandbox/process/probe-machine.ts'
import { isBerthError } from '../../lib/errors.ts'
import { createUpstream } from '../../lib/gateway/upstream.ts'
import { locateEmbedded, runsAsRoot } from '../../lib/store/embedded/location.ts'
import { describeEnvFile } from '../env-file.ts'
import type { Reply } from './ask.ts'
import { judgeCertificates, readCertificateFile } from './checks/certificates.ts'
import { judgeClock } from './checks/clock.ts'
import { judgeDataFolder, readDataFolder } from './checks/data-folder.ts'
import { type DatabaseFacts, judgeDatabase, readDatabase } from './checks/database.ts'
import { judgeDisks, readDisk } from './checks/disk.ts'
import { judgeDriver, kindOfDriver } from './checks/driver.ts'
import { type EngineFacts, judgeEngine, readEngine } from './checks/engine.ts'
import { judgeGitHub, readGitHub } from './checks/github.ts'
import { judgeImage, readImage } from './checks/image.ts'
import { judgeInotify, readInotify } from './checks/inotify.ts'
import { judgeInstallation, readInstallation } from './checks/installation.ts'
import { judgeModel, readModel } from './checks/model.ts'
import { judgePort, readPort } from './checks/port.ts'
import { judgeGit, judgeNode, judgeNpm, readGit, readNode, readNpm } from './checks/programs.ts'
import { judgeProxies, readProxies } from './checks/proxy.ts'
import { judgeSize, readThisMachine } from './checks/sandbox-size.ts'
import { judgeSettings } from './checks/settings.ts'
import type { DoctorEnvironment } from './config.ts'
import type { Finding } from './finding.ts'
import type { Check } from './run-checks.ts'

/** Nothing is begun before a check is run. `root`: the project's folder. */
export function listChecks(environment: DoctorEnvironment, root: string): Check[] {
  const { settings, userAgent, searchPath } = environment
  trustExtra(settings.extraCaFile)
  const upstream = createUpstream({ proxy: settings.egress.proxy })
  const engine = openEngine(settings.dockerHost)
  const database = once(() => readDatabase(settings))
  const model = once(() => readModel(settings, upstream))
  const github = once(() => readGitHub(settings, upstream))
  const found = once(() => readEngine(engine, searchPath))
  return [
    { id: 'node', title: 'Node', look: async () => judgeNode(readNode(userAgent)) },
    { id: 'npm', title: 'npm', look: async () => judgeNpm(await readNpm(userAgent, searchPath)) },
    { id: 'git', title: 'git', look: async () => judgeGit(await readGit(searchPath)) },
    {
      id: 'settings',
      title: 'Settings',
      look: async () => judgeSettings({ ...environment, mistakes: await readMistakes(environment, root) }),
    },
    ...listSandboxChecks({ environment, root, engine, found, database }),
    {
      id: 'data-folder',
      title: 'Data folder',
      look: async () => judgeDataFolder(await readDataFolder(settings.dataDirectory)),
    },
    { id: 'database', title: 'Database', look: async () => judgeDatabase(await database()) },
    {
      id: 'installation',
      title: 'Installation',
      look: async () => judgeInstallation(await readInstallation(settings, await database())),
    },
    { id: 'port', title: 'Port', look: async () => judgePort(await readPort(settings, upstream)) },
    { id: 'model', title: 'Model', look: async () => judgeModel(await model()) },
    { id: 'github', title: 'GitHub', look: async () => judgeGitHub(await github()) },
    {
      id: 'proxy',
      title: 'Proxy',
      look: async () => judgeProxies(await readProxies(environment.proxies, environment.noProxy)),
    },
    {
      id: 'certificates',
      title: 'Certificates',
      look: async () =>
        judgeCertificates(await Promise.all(environment.certificates.map(readCertificateFile)), new Date()),
    },
    {
      id: 'clock',
      title: 'Clock',
      look: async () => {
        const { apiUrl } = settings.github
        const answers = [
          { url: apiUrl, reply: (await github()).reply },
          { url: settings.openrouter.baseUrl, reply: (await model()).models },
        ]
        return judgeClockBy(answers)
      },
    },
    { id: 'disk', title: 'Disk', look: async () => judgeDisks(await readDisks(environment, await found())) },
    { id: 'inotify', title: 'File watching', look: async () => judgeInotify(await readInotify()) },
  ]
}

interface SandboxChecks {
  environment: DoctorEnvironment
  root: string
  engine: OpenEngine
  found(): Promise<EngineFacts>
  database(): Promise<DatabaseFacts>
}

/** Which of them have something to say is known when the database has told what the installation chose. */
function listSandboxChecks({ environment, root, engine, found, database }: SandboxChecks): Check[] {
  const { settings, searchPath } = environment
  const readStored = async () => ({ stored: storedDriver(await database()), asked: settings.sandbox })
  const isDocker = async () => kindOfDriver(await readStored()) === 'docker'
  return [
    {
      id: 'driver',
      title: 'Sandboxes',
      look: async () => {
        const machine = (await isDocker()) ? null : await probeMachine(searchPath)
        return judgeDriver({ ...(await readStored()), dataDirectory: settings.dataDirectory, machine })
      },
    },
    {
      id: 'engine',
      title: 'Docker engine',
      look: async () => ((await isDocker()) ? judgeEngine(await found()) : []),
    },
    {
      id: 'image',
      title: 'Agent image',
      look: async () => {
        const hasEngine = (await isDocker()) && (await found()).details !== null
        return hasEngine ? judgeImage(await readImage(engine, { settings, root })) : []
      },
    },
    {
      id: 'sandbox-size',
      title: 'Memory and CPU',
      look: async () => {
        const host = (await isDocker()) ? hostOf(await found()) : describeThisMachine()
        return judgeSize({ ...settings.container, ...host })
      },
    },
  ]
}

/** Null where it cannot be asked: the database says why. */
function storedDriver({ answer }: DatabaseFacts): string | null {
  return answer !== null && 'state' in answer ? answer.state.driver : null
}

const describeThisMachine = () => ({ host: readThisMachine(), hasEngine: false, isDesktop: false, isShared: true })

function hostOf({ details, isLocal }: EngineFacts) {
  if (details === null || details.memoryBytes === 0 || details.cpus === 0) {
    return describeThisMachine()
  }
  const host = { memoryBytes: details.memoryBytes, cpus: details.cpus }
  return { host, hasEngine: true, isDesktop: details.operatingSystem === 'Docker Desktop', isShared: isLocal }
}

/** For what is asked outside. A file that cannot be used has its own finding. */
function trustExtra(file: string | null): void {
  try {
    trustExtraCa(file)
  } catch (error) {
    if (!isBerthError(error)) throw error
  }
}

/** One that cannot be read is told as a wrong setting. */
async function readMistakes({ wrong }: DoctorEnvironment, root: string): Promise<string[]> {
  return wrong.some(({ variable }) => variable === '.env') ? [] : await describeEnvFile(root)
}

/** By the first that has told its time. */
function judgeClockBy(answers: { url: string; reply: Reply | null }[]): Finding[] {
  for (const { url, reply } of answers) {
    if (reply?.kind !== 'answer') continue
    const theirs = new Date(reply.headers.date ?? '')
    if (!Number.isNaN(theirs.getTime())) return judgeClock({ host: new URL(url).host, theirs, ours: reply.at })
  }
  return []
}

async function readDisks({ settings, temporaryDirectory }: DoctorEnvironment, engine: EngineFacts) {
  const { dataDirectory, databaseUrl } = settings
  const { home } = locateEmbedded(dataDirectory, runsAsRoot())
  const isElsewhere = databaseUrl === null && !home.startsWith(`${dataDirectory}${path.sep}`)
  const disks = await Promise.all([
    readDisk('data', dataDirectory),
    ...(isElsewhere ? [readDisk('database', home)] : []),
    ...(engine.isLocal && engine.details?.rootDirectory ? [readDisk('engine', engine.details.rootDirectory)] : []),
    readDisk('temporary', temporaryDirectory),
  ])
  return disks.filter((disk) => disk !== null)
}

function once<T>(look: () => Promise<T>): () => Promise<T> {
  let looking: Promise<T> | null = null
  return () => {
    looking ??= look()
    return looking
  }
}
