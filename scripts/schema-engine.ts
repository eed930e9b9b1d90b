#!/usr/bin/env node
/**
 * Prisma's command line calls this in place of its native schema engine, which is a download from a host that many proxies refuse: `migrate dev`,
 * `diff`, `deploy`, `db push` and the like work with it. The protocol is that of prisma-engines' schema-engine-cli: arguments, then JSON-RPC 2.0, a line
 * a message. What it does not know fails; nothing exits 0 without having been done.
 */
import { runSchemaEngine } from '../lib/store/schema-engine/command-line.ts'

process.exit(await runSchemaEngine(process.argv.slice(2)))
