/** Holds the sources against the zones. Pure: files come in as text. */
import path from 'node:path'
import { type Import, readImports, readsOfEnvironment } from './read-imports.ts'
import { ownPackages, packagesOf, readsEnvironment, shells, type Zone, zones } from './zones.ts'

/** `files`: path from the project's folder to content. Answers one line for each thing that is wrong. */
export function findViolations(files: ReadonlyMap<string, string>): string[] {
  const graph = new Map<string, string[]>()
  const violations: string[] = []
  for (const [file, source] of files) {
    const imports = readImports(source)
    const report = (line: number, words: string) => violations.push(`${file}:${line} ${words}`)
    if (!readsEnvironment.test(file)) {
      for (const line of readsOfEnvironment(source)) report(line, 'reads the environment: only the config files do')
    }
    const zone = zoneOf(file)
    if (zone === null && !shells.test(file)) report(1, 'belongs to no part of scripts/check-imports/zones.ts')
    for (const found of imports) {
      const problem = found.specifier.startsWith('.')
        ? checkFile({ file, zone, found, files })
        : checkPackage(zone, found.specifier)
      if (problem !== null) report(found.line, problem)
    }
    graph.set(file, runtimeTargets(file, imports))
  }
  return [...violations, ...findCycles(graph)]
}

const zoneOf = (file: string): Zone | null => zones.find((zone) => zone.files.test(file)) ?? null
const targetOf = (file: string, specifier: string) => path.posix.join(path.posix.dirname(file), specifier)
const isSource = (file: string) => /\.(ts|tsx|mjs)$/.test(file)

function runtimeTargets(file: string, imports: Import[]): string[] {
  return imports
    .filter((found) => found.specifier.startsWith('.') && !found.isTypeOnly)
    .map((found) => targetOf(file, found.specifier))
}

interface FileImport {
  file: string
  zone: Zone | null
  found: Import
  files: ReadonlyMap<string, string>
}

function checkFile({ file, zone, found, files }: FileImport): string | null {
  const target = targetOf(file, found.specifier)
  if (!isSource(target)) return null
  const isGenerated = target.startsWith('lib/store/generated/')
  if (!files.has(target) && !isGenerated) return `imports ${target}, which is not there`
  if (zone === null) return null
  const other = zoneOf(target)
  if (other === null) return `imports ${target}: ${zone.name} may not import scripts or tests`
  if (other === zone || zone.may.includes(other.name)) return null
  if (zone.mayType?.includes(other.name)) {
    return found.isTypeOnly ? null : `imports ${target}: ${zone.name} may import only types of ${other.name}`
  }
  const allowed = [...zone.may, ...(zone.mayType ?? []).map((name) => `types of ${name}`)]
  return `imports ${target}: ${zone.name} may not import ${other.name}, only ${allowed.join(', ') || 'itself'}`
}

function checkPackage(zone: Zone | null, specifier: string): string | null {
  if (zone === null) return null
  const own = packagesOf[zone.name]
  if (own !== undefined && !own.test(specifier))
    return `imports ${specifier}: ${zone.name} may import only ${own.source}`
  const owners = ownPackages.find(({ packages }) => packages.test(specifier))?.zones
  if (owners === undefined || owners.includes(zone.name)) return null
  return `imports ${specifier}: only ${owners.join(', ')} may`
}

/** Each cycle of imports once, as the files on it. Types may refer to each other. */
function findCycles(graph: ReadonlyMap<string, string[]>): string[] {
  const done = new Set<string>()
  const cycles: string[] = []
  const walk = (file: string, trail: string[]) => {
    const start = trail.indexOf(file)
    if (start >= 0) cycles.push(`a cycle of imports: ${[...trail.slice(start), file].join(' -> ')}`)
    if (start >= 0 || done.has(file)) return
    for (const target of graph.get(file) ?? []) walk(target, [...trail, file])
    done.add(file)
  }
  for (const file of graph.keys()) walk(file, [])
  return cycles
}
